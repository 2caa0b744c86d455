"""The control socket: one JSON object per line, answers in order."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from sayso.carrier.app import CarrierConfig
from sayso.carrier.control import MAX_LINE_BYTES
from tests.aio import run
from tests.fakes.carrier_phone import running_carrier

ALICE = "+447700900001"


def talk(directory: Path, *lines: str | bytes) -> list[Any]:
    """Send lines to a fresh carrier; return its answers."""

    async def scenario() -> list[Any]:
        async with running_carrier(CarrierConfig(data=directory)) as carrier:
            reader, writer = await asyncio.open_unix_connection(carrier.control)
            for line in lines:
                writer.write((line if isinstance(line, bytes) else line.encode()) + b"\n")
            writer.write_eof()
            answers = (await reader.read()).splitlines()
            writer.close()
            await writer.wait_closed()
            return [json.loads(answer) for answer in answers]

    return run(scenario())


def test_sims_are_made_shown_and_texted(tmp_path: Path) -> None:
    added, injected, sent, sims, network = talk(
        tmp_path,
        f'{{"op":"add-sim","name":"alice","number":"{ALICE}"}}',
        f'{{"op":"inject","from":"BANK","to":"{ALICE}","text":"hi"}}',
        '{"op":"sent"}',
        '{"op":"sims"}',
        '{"op":"network"}',
    )
    assert added["ok"]
    assert added["sims"][0]["socket"] == str(tmp_path / "modems" / "alice.sock")
    assert injected == {"ok": True}
    (entry,) = sent["sent"]
    assert {name: entry[name] for name in ("from", "to", "text", "parts", "fate")} == {
        "from": "BANK",
        "to": ALICE,
        "text": "hi",
        "parts": 1,
        "fate": "queued",
    }
    assert entry["time"] > 1_700_000_000
    assert sims["sims"] == added["sims"]
    assert (network["queued"], network["conditions"]["loss"]) == (1, 0.0)


def test_the_journal_can_be_asked_for_in_pieces(tmp_path: Path) -> None:
    other = "+447700900002"
    lines = [f'{{"op":"inject","from":"BANK","to":"{to}","text":"{n}"}}' for n, to in enumerate([ALICE, other] * 2)]
    *_, everything, for_alice, two = talk(
        tmp_path, *lines, '{"op":"sent"}', f'{{"op":"sent","to":"{ALICE}"}}', '{"op":"sent","limit":2}'
    )
    assert [entry["text"] for entry in everything["sent"]] == ["0", "1", "2", "3"]
    assert [entry["text"] for entry in for_alice["sent"]] == ["0", "2"]
    assert [entry["text"] for entry in two["sent"]] == ["0", "1"]


def test_conditions_are_set_and_shown(tmp_path: Path) -> None:
    *_, network = talk(
        tmp_path,
        '{"op":"delay","seconds":1.5,"submit_seconds":0.5}',
        '{"op":"loss","probability":0.25}',
        '{"op":"duplicate","probability":0.5}',
        '{"op":"reorder","probability":0.75,"spread_seconds":2}',
        '{"op":"network"}',
    )
    assert network["conditions"] == {
        "delay_s": 1.5,
        "submit_delay_s": 0.5,
        "loss": 0.25,
        "duplicate": 0.5,
        "reorder": 0.75,
        "reorder_spread_s": 2.0,
    }


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("nonsense", "bad-request"),
        ("[]", "bad-request"),
        ("", "bad-request"),
        (b"\xff", "bad-request"),
        ('{"op":"unheard-of"}', "bad-request"),
        ('{"op":"coverage","name":"alice"}', "bad-request"),
        ('{"op":"coverage","name":"alice","on":true}', "no-such-modem"),
        ('{"op":"remove-sim","name":"alice"}', "no-such-sim"),
        ('{"op":"inject","from":"BANK","to":"nobody","text":"hi"}', "bad-value"),
    ],
)
def test_a_refusal_says_why_and_the_connection_stays(tmp_path: Path, line: str | bytes, error: str) -> None:
    refused, after = talk(tmp_path, line, '{"op":"sims"}')
    assert (refused["ok"], refused["error"]) == (False, error)
    assert refused["message"]
    assert after["ok"]


def test_an_endless_line_is_refused_and_ends_the_connection(tmp_path: Path) -> None:
    (refused,) = talk(tmp_path, b"x" * (MAX_LINE_BYTES + 10), '{"op":"sims"}')
    assert (refused["ok"], refused["error"]) == (False, "bad-request")


def test_a_line_without_its_end_is_not_obeyed(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        async with running_carrier(CarrierConfig(data=tmp_path)) as carrier:
            for data in (f'{{"op":"add-sim","name":"alice","number":"{ALICE}"}}'.encode(), b'{"op":"sims"}\n'):
                reader, writer = await asyncio.open_unix_connection(carrier.control)
                writer.write(data)
                writer.write_eof()
                answer = await reader.read()
                writer.close()
                await writer.wait_closed()
            return list(json.loads(answer)["sims"])

    assert run(scenario()) == []
