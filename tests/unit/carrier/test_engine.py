"""The engine: durable before said, and time kept."""

import asyncio

import pytest

from sayso.carrier.core.events import AddSim, PhoneAttached, RemoveModem, SetDelay, Submitted, Tick
from sayso.carrier.core.network import Network
from sayso.carrier.engine import Engine
from sayso.carrier.errors import StoreError
from tests.aio import run
from tests.fakes.carrier_world import FakeClock, MemoryStore, World

ALICE = "+447700900001"


def test_nothing_is_said_that_could_not_be_saved() -> None:
    world = World()
    world.sim("alice", ALICE)
    world.heard("alice")
    world.store.broken = True
    with pytest.raises(StoreError):
        world.act(Submitted("BANK", (ALICE,), "x"))
    assert world.heard("alice") == []


def test_what_changes_nothing_commits_nothing() -> None:
    world = World()
    world.sim("alice", ALICE)
    before = world.store.commits
    world.act(Tick())
    world.act(PhoneAttached("alice"))
    assert world.store.commits == before


def test_modems_are_opened_at_the_start_and_as_they_come_and_go() -> None:
    world = World()
    world.act(AddSim(name="alice", number=ALICE))
    assert world.links.opened == ["alice"]
    world.restart()
    assert world.links.opened == ["alice"]
    world.act(RemoveModem(name="alice"))
    assert world.links.closed == ["alice"]


def test_an_engine_without_links_does_nothing() -> None:
    store = MemoryStore()
    world = World()
    engine = Engine(Network(random=world.random), store, FakeClock())
    with pytest.raises(RuntimeError):
        engine.act(Tick())


def test_time_is_kept_without_anybody_asking() -> None:
    world = World()
    world.sim("alice", ALICE)
    world.act(SetDelay(seconds=60.0))

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            timekeeper = group.create_task(world.engine.keep_time())
            await asyncio.sleep(0)
            world.act(Submitted("BANK", (ALICE,), "x"))
            world.heard("alice")
            # The clock jumps before the timekeeper has looked: it has to see that something came due in the meantime.
            world.clock.time += 61.0
            world.links.said.clear()
            await world.links.said.wait()
            timekeeper.cancel()

    run(scenario())
    assert world.texts("alice") == ["x"]
