"""What a person is shown of their own data, and the files that are written."""

import stat
from datetime import date
from pathlib import Path

import msgspec
import pytest

from sayso.cli.own_data import HOLDINGS, Export, describe_proof, holdings_words, write_new
from sayso.consent.proofs import check_proof, read_proofs
from sayso.protocol.api import Holdings
from sayso.protocol.errors import SaysoError
from sayso.protocol.keys import DeviceKeys
from tests.fakes.proofs import TAKEN_ON, proof, proof_of_leaving

HELD = Holdings(
    token=b"\1" * 33,
    commitment=b"c" * 32,
    device=DeviceKeys(b"d" * 16, b"e" * 32, b"f" * 32, b"s" * 64),
    findable="nobody",
    enrolled_on="2026-11-22",
    lease_ends_s=1234,
    receipt_sha256=b"r" * 32,
    policy_sha256=b"p" * 32,
    grant_sha256=b"g" * 32,
    one_time_keys=99,
    fallback_key=True,
    envelope_keys=[2, 1],
    waiting_envelopes=3,
    waiting_bytes=6144,
)


def test_every_field_of_the_answer_is_shown() -> None:
    assert set(HOLDINGS) == {field.name for field in msgspec.structs.fields(Holdings)}


def test_the_words_hold_the_values() -> None:
    said = dict(holdings_words(HELD))
    assert said["in place of the number (token)"] == (b"\1" * 33).hex()
    assert said["who may find the line"] == "nobody until it writes first"
    assert said["lease ends"] == "second 1234 of the server's running time"
    assert said["another device waits for this number until"] == "never"
    assert said["check sum of the last look-up of numbers"] == "none"


def test_a_file_is_for_its_owner_and_overwrites_nothing(tmp_path: Path) -> None:
    file = tmp_path / "alice.json"
    made = Export(proofs=[proof()], schema_version="sayso-proofs-1", held=[], connections=[])
    write_new(file, made)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (read,) = read_proofs(file.read_bytes())
    assert check_proof(read, today=date(2026, 11, 22)).taken_on == TAKEN_ON
    with pytest.raises(SaysoError, match="exists"):
        write_new(file, made)


def test_a_proof_is_told_in_a_line() -> None:
    assert "withdrawn" not in describe_proof(proof())
    assert describe_proof(proof_of_leaving()).endswith("withdrawn, and the server signed that it erased everything")
