"""Both clients of the control socket: answers, refusals by their own classes, and no carrier."""

import asyncio
from pathlib import Path

import pytest

from sayso.carrier.adapters import control_client
from sayso.carrier.adapters.control_client import AsyncControlClient, ControlClient
from sayso.carrier.app import CarrierConfig
from sayso.carrier.control import ListSent, ListSims
from sayso.carrier.core.events import AddSim, Inject, RemoveSim
from sayso.carrier.errors import ControlUnavailableError, NameTakenError, NoSuchSimError, RefusedError
from tests.aio import run
from tests.fakes.carrier_phone import running_carrier

ALICE = "+447700900001"


def test_every_refusal_has_its_class_at_the_client() -> None:
    assert set(control_client._refusals.values()) == set(RefusedError.__subclasses__())


def test_the_blocking_client(tmp_path: Path) -> None:
    def talk(path: Path) -> None:
        with ControlClient(path) as carrier:
            (sim,) = carrier.call(AddSim(name="alice", number=ALICE)).sims or []
            assert (sim.name, sim.number, len(sim.imsi)) == ("alice", ALICE, 15)
            with pytest.raises(NameTakenError):
                carrier.call(AddSim(name="alice", number=ALICE))
            carrier.call(Inject(sender="BANK", to=ALICE, text="hi"))
            (entry,) = carrier.call(ListSent(to=ALICE)).sent or []
            assert (entry.sender, entry.text) == ("BANK", "hi")
            assert ALICE not in repr(entry) + repr(sim)

    async def scenario() -> None:
        async with running_carrier(CarrierConfig(data=tmp_path)) as carrier:
            await asyncio.to_thread(talk, carrier.control)

    run(scenario())


def test_the_asynchronous_client_answers_many_at_once_in_order(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_carrier(CarrierConfig(data=tmp_path)) as carrier, AsyncControlClient(carrier.control) as ask:
            await ask.call(AddSim(name="alice", number=ALICE))
            await asyncio.gather(*(ask.call(Inject(sender="BANK", to=ALICE, text=str(n))) for n in range(20)))
            sent = (await ask.call(ListSent())).sent or []
            assert sorted(int(entry.text) for entry in sent) == list(range(20))
            with pytest.raises(NoSuchSimError):
                await ask.call(RemoveSim(name="bob"))

    run(scenario())


def test_no_carrier_is_said_with_advice(tmp_path: Path) -> None:
    with pytest.raises(ControlUnavailableError, match="is `sayso carrier run` running"):
        ControlClient(tmp_path / "control.sock")

    async def scenario() -> None:
        async with AsyncControlClient(tmp_path / "control.sock") as ask:
            with pytest.raises(ControlUnavailableError):
                await ask.call(ListSims())
        async with running_carrier(CarrierConfig(data=tmp_path / "data")) as carrier:
            ask = AsyncControlClient(carrier.control)
            await ask.call(ListSims())
        with pytest.raises(ControlUnavailableError):
            await ask.call(ListSims())
        async with running_carrier(CarrierConfig(data=tmp_path / "data")):
            await ask.call(ListSims())
        await ask.close()

    run(scenario())
