"""The whole carrier in one loop: start, stop, restart, and errors that come out by their own class."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest
import structlog.testing

from sayso.carrier import app
from sayso.carrier.adapters.control_client import AsyncControlClient
from sayso.carrier.adapters.gateway_listener import bind_loopback
from sayso.carrier.adapters.sqlite_store import SqliteStore
from sayso.carrier.app import CarrierConfig
from sayso.carrier.control import ListSent, ListSims
from sayso.carrier.core.events import AddSim, Inject
from sayso.carrier.errors import CarrierConfigError, ControlUnavailableError, StoreError
from tests.aio import run
from tests.fakes.carrier_phone import BarePhone, running_carrier
from tests.fakes.carrier_world import FakeClock

ALICE = "+447700900001"


def test_everything_is_there_again_after_a_restart(tmp_path: Path) -> None:
    async def scenario() -> None:
        config = CarrierConfig(data=tmp_path)
        async with running_carrier(config) as first, AsyncControlClient(first.control) as ask:
            before = (await ask.call(AddSim(name="alice", number=ALICE))).sims
            await ask.call(Inject(sender="BANK", to=ALICE, text="hi"))
        async with running_carrier(config) as second, AsyncControlClient(second.control) as ask:
            assert second == first
            assert (await ask.call(ListSims())).sims == before
            assert len((await ask.call(ListSent())).sent or []) == 1
            (await BarePhone.attach(second.modems / "alice.sock")).writer.close()
        content = json.loads((tmp_path / "carrier.json").read_text())
        assert (content["url"], content["password"]) == (first.url, first.password)

    run(scenario())


def test_another_port_is_chosen_where_the_last_one_is_taken(tmp_path: Path) -> None:
    async def scenario() -> None:
        config = CarrierConfig(data=tmp_path)
        async with running_carrier(config) as first:
            pass
        with bind_loopback(first.host, first.port):
            async with running_carrier(config) as second:
                assert second.port != first.port
                async with httpx.AsyncClient() as client:
                    assert (await client.get(second.url)).status_code == 403
            with pytest.raises(ExceptionGroup) as caught:
                async with running_carrier(CarrierConfig(data=tmp_path, http_port=first.port)):
                    pass
            assert caught.group_contains(CarrierConfigError, match="another port")

    run(scenario())


def test_identifiers_repeat_with_the_seed(tmp_path: Path) -> None:
    async def scenario() -> None:
        found = []
        for name in ("one", "two"):
            config = CarrierConfig(data=tmp_path / name, seed=7)
            async with running_carrier(config) as carrier, AsyncControlClient(carrier.control) as ask:
                (sim,) = (await ask.call(AddSim(name="alice", number=ALICE))).sims or []
                found.append((sim.imsi, sim.iccid, sim.imei))
        assert found[0] == found[1]

    run(scenario())


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1"])  # noqa: S104  refused
def test_it_refuses_to_listen_beyond_loopback(tmp_path: Path, host: str) -> None:
    with pytest.raises(CarrierConfigError, match="loopback only"):
        run(app.run(CarrierConfig(data=tmp_path, http_host=host), stop=asyncio.Event()))


def test_a_failing_disk_stops_it_with_the_store_error_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        ready: asyncio.Future[app.CarrierAddresses] = asyncio.get_running_loop().create_future()
        async with asyncio.TaskGroup() as group:

            async def carrier() -> None:
                with pytest.raises(StoreError):
                    await app.run(
                        CarrierConfig(data=tmp_path), stop=asyncio.Event(), ready=ready.set_result, clock=FakeClock()
                    )

            running = group.create_task(carrier())
            async with AsyncControlClient((await ready).control) as ask:
                await ask.call(ListSims())

                def fail(*_: object) -> None:
                    raise StoreError("the disk is gone")

                monkeypatch.setattr(SqliteStore, "commit", fail)
                with pytest.raises(ControlUnavailableError):
                    await ask.call(AddSim(name="alice", number=ALICE))
            await running

    run(scenario())


def test_the_log_tells_no_number_text_or_password(tmp_path: Path) -> None:
    async def scenario() -> str:
        async with running_carrier(CarrierConfig(data=tmp_path)) as carrier, AsyncControlClient(carrier.control) as ask:
            await ask.call(AddSim(name="alice", number=ALICE))
            phone = await BarePhone.attach(carrier.modems / "alice.sock")
            await ask.call(Inject(sender="BANK", to=ALICE, text="secret"))
            await phone.say_bytes(b"\x00\x00\x00\x01\xc1")
            async with httpx.AsyncClient() as client:
                user = {"username": carrier.username, "password": carrier.password}
                await client.get(carrier.url, params=user | {"from": "Sayso", "to": ALICE, "text": "secret"})
            await phone.close()
            return carrier.password

    with structlog.testing.capture_logs() as lines:
        password = run(scenario())
    assert [line["event"] for line in lines] == ["carrier started", "carrier stopped"]
    assert not any(private in str(lines) for private in (ALICE[1:], "secret", "BANK", password))


def test_no_password_in_a_repr(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_carrier(CarrierConfig(data=tmp_path)) as carrier:
            assert carrier.password not in repr(carrier)

    run(scenario())
