"""A person's own data, by the commands: what is held, receipts, exports, and their check on any machine."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from sayso.phone import command_types as types
from tests.integration.nursery import Nursery
from tests.integration.world import ALICE, BOB, Enrolled, World, play

pytestmark = pytest.mark.slow


async def sayso(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command beside what runs in this process."""
    return await asyncio.to_thread(
        lambda: subprocess.run(
            [sys.executable, "-m", "sayso", *words], capture_output=True, text=True, timeout=60, check=False
        )
    )


def test_what_is_held_is_shown_exported_and_proved(nursery: Nursery, enrolled: Enrolled, place: Path) -> None:
    enrolled.copy(place)
    files = place.parent

    async def scenario(made: World) -> None:
        alice, bob = made.alice, made.bob
        await made.start("carrier")
        await made.start("server", "alice", "bob")
        await alice.line_is("on", connected=True)
        await bob.daemon.stop()
        await alice.send(BOB, "you are off")
        await alice.sees("you are off", "accepted")

        data = ("--data", str(alice.data))
        shown = await sayso("phone", "me", *data)
        assert "turned on: " in shown.stdout
        assert ALICE not in shown.stdout, "the server does not hold the number"
        told = json.loads((await sayso("phone", "me", *data, "--json")).stdout)
        assert told["held"]["findable"] in {"everyone", "nobody"}
        assert told["held"]["waiting_envelopes"] == 0

        exported = await sayso("phone", "export", *data, "--to", str(files / "alice.json"))
        assert exported.returncode == 0, exported.stderr
        document = json.loads((files / "alice.json").read_text())
        assert len(document["held"]) == len(document["proofs"]) == 1
        purposes = {connection["purpose"] for connection in document["connections"]}
        assert len(document["connections"]) >= 3
        assert purposes
        again = await sayso("phone", "export", *data, "--to", str(files / "alice.json"))
        assert "exists" in again.stderr

        await alice.phone.ask(types.OptOut(), types.OptedOut)
        listed = await sayso("phone", "receipts", *data, "--export", str(files / "receipts.json"))
        assert "withdrawn, and the server signed that it erased everything" in listed.stdout
        nothing = await sayso("phone", "me", *data)
        assert nothing.returncode == 1
        assert "it is not on" in nothing.stderr

    play(nursery, place, enrolled.ports, scenario)
    key = json.loads((place / "server" / "server.json").read_text())["key"]
    check(files / "alice.json", "--in-force", "--server-key", key, says="holds.")
    check(files / "receipts.json", "--server-key", key, says="erased everything, except:")
    check(files / "receipts.json", "--in-force", fails="it was withdrawn")
    check(files / "receipts.json", "--server-key", "00" * 32, fails="another server")
    forged = json.loads((files / "receipts.json").read_text())
    forged["proofs"][0]["receipt"]["receipt"]["on"] = "2026-01-01"
    (files / "forged.json").write_text(json.dumps(forged))
    check(files / "forged.json", fails="not signed by the server's receipt key")


def check(file: Path, *options: str, says: str = "", fails: str = "") -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sayso", "receipt", "verify", *options, str(file)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == (1 if fails else 0), done.stderr
    assert says in done.stdout
    assert fails in done.stderr
    assert len(done.stderr.splitlines()) == bool(fails)
