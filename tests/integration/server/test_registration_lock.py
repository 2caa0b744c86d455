"""The registration lock over real processes: a SIM moves to another phone, and the command line tells both sides."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from sayso.carrier.adapters.control_client import AsyncControlClient
from sayso.carrier.core.events import AddModem, InsertSim, RemoveSim
from sayso.demo.processes import Part
from sayso.demo.world import World, running_world
from tests.aio import run

pytestmark = pytest.mark.slow

PIN = "271828"


async def sayso(*words: str) -> dict[str, object]:
    """Run a command of the owner's; returns its answer."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sayso", *words, "--json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    said = (out or err).splitlines()
    answer: dict[str, object] = json.loads(said[-1])
    return {**answer, "exit": process.returncode}


async def phone(data: Path, *words: str) -> dict[str, object]:
    return await sayso("phone", *words, "--data", str(data))


def opt_in(world: World) -> list[str]:
    return ["opt-in", "--server", world.server_url, "--server-key", world.server_key, "--findable", "everyone"]


def secret(path: Path, text: str) -> str:
    path.touch(mode=0o600)
    path.write_text(text + "\n")
    return str(path)


def lock_of(answer: dict[str, object]) -> dict[str, object]:
    lock = answer["lock"]
    assert isinstance(lock, dict)
    return lock


def test_a_new_phone_waits_for_the_number_or_comes_in_by_the_pin(tmp_path: Path) -> None:
    async def main() -> None:
        right, wrong = secret(tmp_path / "pin", PIN), secret(tmp_path / "wrong", "0000")
        async with running_world(tmp_path / "world") as world:
            old, new = world.people["alice"].data, tmp_path / "new"
            assert (await phone(old, *opt_in(world)))["state"] == "on"
            assert (await phone(old, "pin", "set", "--pin-file", right))["answer"] == "done"
            assert lock_of(await phone(old, "lock", "status"))["pin_set"] is True
            async with AsyncControlClient(world.data / "carrier" / "control.sock") as carrier:
                await carrier.call(RemoveSim(name="alice"))
                await carrier.call(AddModem(name="new"))
                await carrier.call(InsertSim(name="alice", modem="new"))
            modem = world.people["alice"].modem.with_name("new.sock")
            part = Part(
                "new phone", ["phone", "run", "--data", str(new), "--plain-store-key", "--modem", f"sim={modem}"]
            )
            async with asyncio.TaskGroup() as tasks, part:
                await part.start(tasks)
                locked = await phone(new, *opt_in(world))
                assert locked["state"] == "locked"
                assert lock_of(locked)["pin_tries"] == 10
                refused = await phone(new, "pin", "enter", "--pin-file", wrong)
                assert refused["exit"] != 0
                assert "9 tries" in str(refused["error"])
                assert (await phone(new, "pin", "enter", "--pin-file", right))["answer"] == "done"
                line = await line_on(new)
                assert lock_of(line)["pin_set"] is True

    run(main(), patience=120)


async def line_on(data: Path) -> dict[str, object]:
    async with asyncio.timeout(30):
        while True:
            line = await phone(data, "lock", "status")
            if line["state"] == "on":
                return line
