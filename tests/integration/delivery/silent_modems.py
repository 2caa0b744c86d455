"""The silent world (tests/integration/silent_world.py), with phones on other modems than the simulated carrier's.

``python silent_modems.py SCENARIO DIR`` in a namespace of its own, as that one. Everything that a modem needs runs in the
phone's namespace, where each packet would be seen.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from sayso.phone import command_types as types
from tests.integration import silent_world
from tests.integration.delivery.gammu_phone import GammuPhone
from tests.integration.delivery.modem_manager_bus import mocked
from tests.integration.silent_world import NUMBERS, SETTLE_S, Stage

OTHER: Final = NUMBERS["other"]


async def ordinary_days(
    stage: Stage, modem: str, receive: Callable[[str], Awaitable[None]], **environment: str
) -> None:
    """What an owner does who has said nothing: look, send and get SMS, restart."""
    words = ["phone", "run", "--data", str(stage.data / "phone"), "--plain-store-key", "--modem", f"one={modem}"]
    for turn in ("first", "after a restart"):
        async with stage.running(*words, **environment):
            await stage.phone.wait_for_line(lambda line: line.sim == "present", what="the SIM")
            await stage.phone.ask(types.AddContact(name="Somebody", number=OTHER), types.Done)
            await stage.phone.ask(types.OpenContact(number=OTHER), types.ContactList)
            sent = await stage.phone.ask(types.Send(to=OTHER, text=f"by SMS, {turn}"), types.Sending)
            await stage.phone.wait_for_message(
                lambda m, i=sent.message.id: m.id == i and m.state.startswith("sms-s"),  # type: ignore[misc]
                what="the SMS to leave",
            )
            await receive(f"hello, {turn}")
            await stage.phone.wait_for_message(
                lambda m, t=turn: m.direction == "in" and m.text == f"hello, {t}",  # type: ignore[misc]
                what="an SMS",
            )
            await stage.phone.ask(types.OpenThread(number=OTHER), types.MessageList)
            await asyncio.sleep(SETTLE_S)


async def modem_manager(stage: Stage) -> None:
    """ModemManager, on a bus."""
    async with mocked(NUMBERS["one"], OTHER) as daemon:

        async def receive(text: str) -> None:
            await daemon.network("Inject", "ssusiay", OTHER, text, 3, "2027-01-15T08:00:00+01", -1, b"")

        await ordinary_days(stage, "modemmanager", receive, DBUS_SYSTEM_BUS_ADDRESS=daemon.address)


async def gammu(stage: Stage) -> None:
    """Gammu's dummy driver."""
    folder = stage.data / "gammu"
    folder.mkdir()
    phone = GammuPhone(folder)

    async def receive(text: str) -> None:
        await asyncio.to_thread(phone.receive, text, sender=OTHER)

    await ordinary_days(stage, f"gammu:{phone.config}", receive)


async def termux(stage: Stage) -> None:
    """The programs of Termux:API, as recorded."""
    folder = stage.data / "termux"
    folder.mkdir()
    inbox = folder / "inbox"
    inbox.write_text("[]")
    _program(folder, "termux-telephony-deviceinfo", 'echo \'{"sim_state": "ready", "network_operator": "00101"}\'')
    _program(folder, "termux-sms-send", f"cat >>{folder}/sent")
    _program(folder, "termux-sms-list", f"cat {inbox}")
    rows: list[str] = []

    async def receive(text: str) -> None:
        rows.append(
            f'{{"_id": {len(rows)}, "type": "inbox", "number": "{OTHER}", '
            f'"received": "2026-01-15 08:00:00", "body": "{text}"}}'
        )
        inbox.with_name("new").write_text(f"[{', '.join(rows)}]")
        inbox.with_name("new").rename(inbox)

    await ordinary_days(stage, "termux", receive, PATH=f"{folder}:{os.environ['PATH']}")


def _program(folder: Path, name: str, line: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{line}\n")
    program.chmod(0o755)


if __name__ == "__main__":
    silent_world.SCENARIOS |= {
        "modem-manager": (modem_manager, False),
        "gammu": (gammu, False),
        "termux": (termux, False),
    }
    silent_world.main()
