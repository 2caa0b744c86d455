"""One phone put together from its real parts, on a machine without a carrier."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sayso.phone.adapters.commands import SOCKET_NAME
from sayso.phone.adapters.commands import ask as ask_phone
from sayso.phone.adapters.modems import ModemChoice
from sayso.phone.app import ModemConfig, PhoneConfig, run
from sayso.phone.command_types import (
    AddContact,
    ContactList,
    Contacts,
    Done,
    Messages,
    OptIn,
    Send,
    Sending,
    Status,
    StatusReport,
)
from sayso.phone.errors import CommandError, StoreLockedError
from sayso.protocol.passphrase import CHEAPEST
from tests.aio import run as run_async


def config(path: Path, **more: object) -> PhoneConfig:
    settings = {"passphrase": "correct horse", "passphrase_cost": CHEAPEST} | more
    modems = tuple(
        ModemConfig(name=name, modem=ModemChoice("carrier", str(path / file)))
        for name, file in (("sim1", "no-modem.sock"), ("sim2", "none.sock"))
    )
    return PhoneConfig(data=path / "phone", modems=modems, **settings)  # type: ignore[arg-type]  # fields by name


@asynccontextmanager
async def running(settings: PhoneConfig) -> AsyncIterator[Path]:
    ready, stop = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run(settings, ready=ready, stop=stop))
        await ready.wait()
        try:
            yield settings.data / SOCKET_NAME
        finally:
            stop.set()


def test_it_starts_answers_and_stops(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(config(tmp_path)) as socket:
            answer = await ask_phone(socket, Status())
            assert isinstance(answer, StatusReport)
            assert [(line.name, line.state, line.sim) for line in answer.lines] == [
                ("sim1", "off", "no-modem"),
                ("sim2", "off", "no-modem"),
            ]
            assert await ask_phone(socket, AddContact(name="Bob", number="+447700900102")) == Done()
            with pytest.raises(CommandError, match="--line"):
                await ask_phone(socket, Send(to="+447700900102", text="hello"))
            sending = await ask_phone(socket, Send(line="sim2", to="+447700900102", text="hello"))
            assert isinstance(sending, Sending)
            assert sending.message.state == "sms-sending"
        # What was durable is there after a restart.
        async with running(config(tmp_path)) as socket:
            assert isinstance(await ask_phone(socket, Messages()), type(await ask_phone(socket, Messages())))
            contacts = await ask_phone(socket, Contacts())
            assert isinstance(contacts, ContactList)
            assert [one.name for one in contacts.contacts] == ["Bob"]

    run_async(main())


def test_an_opt_in_to_nobody_leaves_the_line_off(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(config(tmp_path)) as socket:
            with pytest.raises(CommandError):
                await ask_phone(
                    socket,
                    OptIn(
                        line="sim1",
                        server="http://127.0.0.1:1",
                        server_key="00" * 32,
                        number="+447700900101",
                        findable="everyone",
                        method="test",
                    ),
                )
            answer = await ask_phone(socket, Status())
            assert isinstance(answer, StatusReport)
            assert [(line.state, line.connections) for line in answer.lines] == [("off", 1), ("off", 0)]

    run_async(main())


@pytest.mark.parametrize(
    "more", [{"passphrase": "wrong"}, {"passphrase": None}, {"passphrase": None, "plain_key": True}]
)
def test_without_the_right_key_it_does_not_start(tmp_path: Path, more: dict[str, object]) -> None:
    async def main() -> None:
        async with running(config(tmp_path)):
            pass
        with pytest.raises(StoreLockedError):
            await run(config(tmp_path, **more), ready=asyncio.Event(), stop=asyncio.Event())
        async with running(config(tmp_path)):
            pass

    run_async(main())


def test_two_phones_on_one_directory_are_one_too_many(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(config(tmp_path)):
            with pytest.raises(StoreLockedError):
                await run(config(tmp_path), ready=asyncio.Event(), stop=asyncio.Event())

    run_async(main())


def test_a_plain_key_starts_too(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(config(tmp_path, passphrase=None, plain_key=True)) as socket:
            assert isinstance(await ask_phone(socket, Status()), StatusReport)

    run_async(main())


WITHOUT_THE_EXTRA = """
import asyncio, sys
from pathlib import Path
for name in ("babel", "dbus_fast", "jinja2", "litestar", "segno", "uvicorn"):
    sys.modules[name] = None
from sayso.cli import main
from sayso.phone.app import ModemConfig, PhoneConfig, run
from sayso.phone.adapters.modems import ModemChoice
from sayso.phone.errors import WebAppError

async def start(data, web):
    ready, stop = asyncio.Event(), asyncio.Event()
    config = PhoneConfig(
        data=data, modems=(ModemConfig(name="sim", modem=ModemChoice("carrier", "none.sock")),), plain_key=True, web=web
    )
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(run(config, ready=ready, stop=stop))
        waiting = tasks.create_task(ready.wait())
        await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        stop.set()
        await running

asyncio.run(start(Path(sys.argv[1]), False))
print("runs without")
try:
    asyncio.run(start(Path(sys.argv[1]), True))
except* WebAppError as group:
    print(group.exceptions[0])
"""


def test_a_phone_without_the_web_app_needs_no_extra(tmp_path: Path) -> None:
    """Not one of the extra's packages is imported; and with the web app, the error says what to install."""
    words = [sys.executable, "-c", WITHOUT_THE_EXTRA, str(tmp_path / "phone")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    first, _, second = done.stdout.strip().partition("\n")
    assert first == "runs without", done.stderr
    assert "pip install 'sayso[phone]'" in second
    assert "--no-web" in second
