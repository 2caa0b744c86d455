"""Each command by itself, as a person or a program types it."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from sayso.cli.main import main
from tests.aio import run
from tests.integration.nursery import ROOT, Finished, Nursery
from tests.integration.world import ALICE, BOB, Enrolled, Ports, World, play

pytestmark = pytest.mark.slow


def commands(group: click.Group, *words: str) -> Iterator[tuple[str, ...]]:
    """Every command, groups included."""
    yield words
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, *words, name)
        elif command is not None:
            yield (*words, name)


@pytest.mark.parametrize("words", list(commands(main)), ids=" ".join)
def test_help_has_an_example_for_each_command(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, [*words, "--help"])
    assert result.exit_code == 0
    shown = result.output
    if isinstance(command_of(words), click.Group) and words:
        assert "Commands:" in shown
    else:
        assert "Example" in shown
        # A group's options stand between its name and its command's.
        assert re.search(r"(?:[ \\\n]+--\S+ \S+)*[ \\\n]+".join(["sayso", *words]), shown)


def command_of(words: tuple[str, ...]) -> click.Command:
    command: click.Command = main
    for word in words:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), word)
        assert found is not None
        command = found
    return command


def test_the_policy_can_be_read_by_people_and_programs() -> None:
    """What a script shows a person is what the record will name."""
    shown = CliRunner().invoke(main, ["phone", "policy"])
    told = json.loads(CliRunner().invoke(main, ["phone", "policy", "--json"]).output)
    assert told["text"] + "\n" == shown.output
    assert told["sha256"] == hashlib.sha256(told["text"].encode()).hexdigest()


def test_the_demo_plays_one_exchange() -> None:
    """The one command of the README, as a program runs it: no nursery, no watch, nothing of the tests."""
    command = [sys.executable, "-m", "sayso", "demo", "--once", "--json"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SAYSO_")}
    played = subprocess.run(command, capture_output=True, timeout=100, check=False, cwd=ROOT, env=environment)
    assert played.returncode == 0, played.stderr.decode()
    steps = [json.loads(line) for line in played.stdout.splitlines()]
    assert played.stderr == b""
    assert {"silent", "text", "opt-in", "arrived", "read", "opt-out"} == {step["step"] for step in steps}
    assert {step["channel"] for step in steps if step["step"] == "text"} == {"sms", "cloud"}


def test_a_phone_by_its_commands(nursery: Nursery, enrolled: Enrolled, place: Path) -> None:
    """With --json each line is an object; without it, each command says something; errors are one sentence."""
    enrolled.copy(place)
    alice = ("--data", str(place / "alice"))

    async def scenario(made: World) -> None:
        await made.start("carrier")
        await made.start("server", "alice", "bob")
        await made.alice.line_is("on", connected=True)

        async def told(*words: str) -> list[dict[str, object]]:
            plain = await nursery.call("phone", words[0], *alice, *words[1:])
            assert (plain.code, plain.stderr) == (0, ""), plain
            assert plain.stdout.strip()
            program = await nursery.call("phone", words[0], *alice, *words[1:], "--json")
            assert (program.code, program.stderr) == (0, ""), program
            return [json.loads(line) for line in program.stdout.splitlines()]

        (status,) = await told("status")
        assert '"on"' in json.dumps(status)
        (sent,) = await told("send", BOB, "hello", "--wait")
        assert (sent["channel"], sent["text"], sent["direction"]) == ("cloud", "hello", "out")
        listed = await told("messages", "--with", BOB)
        assert [message["text"] for message in listed] == ["hello", "hello"]
        assert len(await told("messages", "--limit", "1")) == 1

        for words, says in (
            (("send", "nobody", "hello"), "number"),
            (("send", BOB, ""), "length"),
            (("send", BOB, "hello", "--line", "other"), "status"),
            (
                ("opt-in", "--server", made.server_url, "--server-key", made.server_key, "--findable", "everyone"),
                "already",
            ),
            (("code", "123456"), "opt in"),
            (("code", "letters"), "code"),
        ):
            failed(await nursery.call("phone", words[0], *alice, *words[1:]), says)
            program = await nursery.call("phone", words[0], *alice, *words[1:], "--json")
            assert program.code == 1
            assert says in json.loads(program.stdout)["error"]

        program = await nursery.call("phone", "opt-out", *alice, "--json")
        assert json.loads(program.stdout)["erased"] is True
        failed(await nursery.call("phone", "opt-out", *alice), "")
        await made.alice.daemon.stop()
        failed(await nursery.call("phone", "status", *alice), "sayso phone run")

    play(nursery, place, enrolled.ports, scenario)


def failed(finished: Finished, says: str) -> None:
    assert finished.code == 1, finished
    (sentence,) = finished.stderr.splitlines()
    assert sentence.startswith("sayso: ")
    assert says in sentence


def test_opt_in_by_command(nursery: Nursery, place: Path) -> None:
    """It waits until the code has come and the line is on; a wrong server key says so."""

    async def scenario(made: World) -> None:
        await made.start("carrier")
        await made.start("server", "alice")
        words = [
            "phone",
            "opt-in",
            "--data",
            str(place / "alice"),
            "--findable",
            "everyone",
            "--server",
            made.server_url,
        ]
        failed(await nursery.call(*words, "--server-key", "0" * 64), "key")
        await made.alice.line_is("off")
        done = await nursery.call(*words, "--server-key", made.server_key, "--json")
        assert done.code == 0, done
        line = json.loads(done.stdout)
        assert (line["state"], line["number"]) == ("on", ALICE)

    play(nursery, place, Ports.free(), scenario)


def test_doctor(nursery: Nursery, tmp_path: Path) -> None:
    plain, program = calls(nursery, ("doctor", "--data", str(tmp_path)), ("doctor", "--data", str(tmp_path), "--json"))
    findings = [json.loads(line) for line in program.stdout.splitlines()]
    assert plain.code == program.code == 0
    assert len(plain.stdout.splitlines()) == len(findings) > 10
    assert {"Python", "encrypted SQLite", "durable writes", "loopback"} <= {finding["check"] for finding in findings}
    assert not [finding for finding in findings if finding["needed"] and not finding["ok"]]


def test_wipe_takes_its_own_and_nothing_else(nursery: Nursery, enrolled: Enrolled, place: Path, tmp_path: Path) -> None:
    enrolled.copy(place)
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "to-keep").write_text("dear")
    foreign = calls(nursery, ("wipe", "--yes", "--data", str(tmp_path / "letters")))[0]
    failed(foreign, "nothing was removed")
    assert (tmp_path / "letters" / "to-keep").read_text() == "dear"
    for part in ("alice", "server", "carrier"):
        unsure = calls(nursery, ("wipe", "--data", str(place / part)))[0]
        assert unsure.code == 1
        assert (place / part).exists()
        done = calls(nursery, ("wipe", "--yes", "--json", "--data", str(place / part)))[0]
        assert done.code == 0, done
        assert json.loads(done.stdout)["event"] == "wiped"
        assert not (place / part).exists()


def test_what_runs_is_not_wiped(nursery: Nursery, enrolled: Enrolled, place: Path) -> None:
    enrolled.copy(place)

    async def scenario(made: World) -> None:
        await made.start("carrier")
        await made.start("server", "alice")
        for part in ("alice", "server", "carrier"):
            failed(await nursery.call("wipe", "--yes", "--data", str(place / part)), "stop it first")
        await made.alice.line_is("on", connected=True)

    play(nursery, place, enrolled.ports, scenario)


def calls(nursery: Nursery, *each: tuple[str, ...]) -> list[Finished]:
    async def whole() -> list[Finished]:
        async with nursery.open():
            return [await nursery.call(*words) for words in each]

    return run(whole())
