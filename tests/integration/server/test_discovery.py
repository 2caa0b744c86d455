"""Discovery from end to end: a phone's own clients, over HTTP and through the gate, against the real control plane."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn

from sayso.consent.records import read_record, sign_record
from sayso.phone.adapters.control_client import ControlClient
from sayso.phone.adapters.set_cache import SetDirectory
from sayso.phone.adapters.store.peers import Contact
from sayso.phone.core.lines import Device, Line, LineState
from sayso.phone.line.discovery import ContactDiscovery
from sayso.phone.line.enrolled_set import SetKeeper
from sayso.phone.line.world import Reach
from sayso.protocol.api import SET_BLOBS_PATH, SETS_PATH
from sayso.protocol.limits import HOUR
from tests.aio import run
from tests.fakes.consented import MemoryJournal, gate_to
from tests.fakes.control_server import ControlServer, control_server
from tests.fakes.enrolling_device import EnrollingDevice
from tests.fakes.phones import Phone, Town

pytestmark = pytest.mark.slow

ALICE, BOB, CAROL, HIDDEN = (f"+44770090000{place}" for place in range(1, 5))


class _Quiet(uvicorn.Server):
    """uvicorn without its signal handlers."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass
class Seen:
    """What came over HTTP: method, path, and the names of the fields."""

    requests: list[tuple[str, str, frozenset[str]]]


@asynccontextmanager
async def over_http(server: ControlServer, seen: Seen) -> AsyncIterator[str]:
    """Serve a control plane on loopback; yields its URL."""

    async def app(scope: dict[str, object], receive: object, send: object) -> None:
        if scope["type"] == "http":
            fields = scope["headers"]
            assert isinstance(fields, list)
            names = frozenset(name.decode() for name, _ in fields)
            seen.requests.append((str(scope["method"]), str(scope["path"]), names))
        await server.client._app(scope, receive, send)

    listening = socket.create_server(("127.0.0.1", 0))
    # The application's lifespan runs already.
    config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False, server_header=False)
    http = _Quiet(config)
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(http.serve(sockets=[listening]))
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            http.should_exit = True
            await serving
            listening.close()


async def enrolled_phone(town: Town, device: EnrollingDevice, url: str, folder: Path) -> tuple[Phone, Reach]:
    """A phone whose line is on, with the keys of a device that the server knows."""
    phone = town.phone(ALICE)
    document = (await device.fetch_statement()).body
    consent = read_record(sign_record(device.record(), device.key))
    with phone.store.transaction("on"):
        phone.store.lines.put(Line(id=phone.line, name="sim1", state=LineState.ON, number=ALICE))
        phone.store.lines.put_device(
            Device(
                line=phone.line,
                device=device.device,
                seed=device.key.private_bytes_raw(),
                ed25519=device.public,
                curve25519=device.curve25519,
                account=b"",
                grant=bytes(32),
                salt=device.salt,
                server=url,
                server_key=device.pinned,
                record_id=consent.record.record_id,
                findable="everyone",
                statement=document,
            )
        )
    phone.mark.advance(phone.store.moves())  # of this phone, and no older copy
    phone.sets = SetDirectory(folder)  # type: ignore[assignment]  # the real one in place of the fake
    phone.boot()
    gate = gate_to(url, MemoryJournal())
    client = ControlClient(gate, url, device=device.device, key=device.key, server=device.pinned)
    return phone, Reach(gate=gate, control=client, stream=None)  # type: ignore[arg-type]  # no stream is opened here


def test_contacts_are_found_in_the_set_and_nothing_of_the_fetches_tells_who_asks(tmp_path: Path) -> None:
    async def main() -> None:
        seen = Seen([])
        async with control_server(tmp_path / "server") as server, over_http(server, seen) as url:
            device = await server.enrolled(ALICE)
            await server.reachable(BOB)
            await server.reachable(HIDDEN, findable="nobody")
            await server.control.sweep()
            town = Town()
            phone, reach = await enrolled_phone(town, device, url, tmp_path / "phone")
            with phone.store.transaction("contacts"):
                for number in (BOB, CAROL, HIDDEN):
                    phone.store.peers.put_contact(Contact(number=number, name="Somebody"))
            world = phone.service._world

            assert await ContactDiscovery(world, phone.line, reach).ask() == 3
            keeper = SetKeeper(world, phone.line, reach)
            assert await keeper.refresh()
            await keeper._look_up()
            assert [keeper.likely(number) for number in (BOB, CAROL, HIDDEN)] == [True, False, False]

            await server.reachable(CAROL)
            server.clock.seconds += 4 * HOUR
            await server.control.sweep()
            assert await keeper.refresh()
            await keeper._look_up()
            assert [keeper.likely(number) for number in (BOB, CAROL, HIDDEN)] == [True, True, False]
            assert not await keeper.refresh()
            await reach.control.close()

        public = [(path, fields) for method, path, fields in seen.requests if method == "GET"]
        assert {fields for _, fields in public} == {frozenset({"host"})}
        assert [path for path, _ in public].count(SETS_PATH) == 3
        assert all(path == SETS_PATH or path.startswith(f"{SET_BLOBS_PATH}/") for path, _ in public)

    (tmp_path / "server").mkdir(mode=0o700)
    run(main())
