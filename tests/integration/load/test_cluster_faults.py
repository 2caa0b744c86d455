"""Faults in a cluster: what senders were told and recipients showed can be true of one server.

One world for all of them, since to start it takes longer than a fault does; each test begins with a healthy cluster and
ends with one.
"""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import pytest

from tests.aio import run
from tests.integration.load.cluster_wire import NATS, POSTGRES
from tests.integration.load.cluster_world import NODES, World, world

pytestmark = [pytest.mark.slow, pytest.mark.serial]

_BEFORE_S: Final = 1.0
_AFTER_S: Final = 1.0
_PATIENCE_S: Final = 400.0


async def _kill(it: World, source: random.Random) -> None:
    """A process dies; its mailboxes go to the others within seconds."""
    it.nodes[source.randrange(NODES)].signal(signal.SIGKILL)
    await asyncio.sleep(4)


async def _pause(it: World, source: random.Random) -> None:
    """A process stands still for so long that others take its place, and then goes on."""
    node = it.nodes[source.randrange(NODES)]
    node.signal(signal.SIGSTOP)
    await asyncio.sleep(13)
    node.signal(signal.SIGCONT)
    await asyncio.sleep(1)


async def _short_pause(it: World, source: random.Random) -> None:
    """A process stands still, and is back before anybody may take its place."""
    node = it.nodes[source.randrange(NODES)]
    node.signal(signal.SIGSTOP)
    await asyncio.sleep(3)
    node.signal(signal.SIGCONT)


async def _partition(it: World, source: random.Random) -> None:
    """A process reaches neither PostgreSQL nor NATS, while its phones still reach it."""
    it.namespaces.wires[source.randrange(NODES)].cut = frozenset({POSTGRES, NATS})
    await asyncio.sleep(12)


async def _deaf(it: World, source: random.Random) -> None:
    """A process reaches PostgreSQL, but not the other processes."""
    it.namespaces.wires[source.randrange(NODES)].cut = frozenset({NATS})
    await asyncio.sleep(6)


async def _no_record(it: World, source: random.Random) -> None:
    """A process reaches the others, but not PostgreSQL."""
    it.namespaces.wires[source.randrange(NODES)].cut = frozenset({POSTGRES})
    await asyncio.sleep(12)


async def _loss(it: World, source: random.Random) -> None:
    """One packet in five is lost, on every link."""
    del source
    for wire in it.namespaces.wires:
        wire.loss = 0.2
    await asyncio.sleep(8)
    assert sum(wire.dropped for wire in it.namespaces.wires) > 0


async def _slow(it: World, source: random.Random) -> None:
    """Every packet takes 150 ms."""
    del source
    for wire in it.namespaces.wires:
        wire.delay_s = 0.15
    await asyncio.sleep(6)


async def _nats_gone(it: World, source: random.Random) -> None:
    """NATS dies, and comes back knowing nothing."""
    del source
    await asyncio.to_thread(it.nats.stop)
    await asyncio.sleep(3)
    await asyncio.to_thread(it.nats.start)
    await asyncio.sleep(2)


async def _postgres_restarted(it: World, source: random.Random) -> None:
    """PostgreSQL crashes amid commits, and recovers."""
    del source
    await asyncio.to_thread(it.postgres.stop, "immediate")
    await asyncio.to_thread(it.postgres.start, prefix=("ip", "netns", "exec", it.namespaces.hub))
    await asyncio.sleep(2)


async def _clock(it: World, source: random.Random) -> None:
    """Wall clocks jump by hours and by days, forward and back."""
    for jump in (7_200.0, -7_200.0, 200_000.0):
        it.nodes[source.randrange(NODES)].move_clock(jump)
        await asyncio.sleep(1.5)


FAULTS: Final[Mapping[str, Callable[[World, random.Random], Awaitable[None]]]] = MappingProxyType(
    {
        "kill": _kill,
        "pause": _pause,
        "short pause": _short_pause,
        "partition": _partition,
        "cut off from the others": _deaf,
        "cut off from PostgreSQL": _no_record,
        "one packet in five lost": _loss,
        "slow links": _slow,
        "NATS gone": _nats_gone,
        "PostgreSQL restarted": _postgres_restarted,
        "clock jumps": _clock,
    }
)


def test_nothing_is_lost_shown_twice_or_out_of_order_whatever_fails(tmp_path: Path) -> None:
    async def main() -> None:
        async with world(tmp_path) as it:
            for number, (name, fault) in enumerate(FAULTS.items()):
                source = random.Random(number)
                begun = asyncio.get_running_loop().time()
                async with it.load(seed=number):
                    await asyncio.sleep(_BEFORE_S)
                    await fault(it, source)
                    for wire in it.namespaces.wires:
                        wire.heal()
                    async with asyncio.timeout(60):
                        for node in it.nodes:
                            await node.up.wait()
                    await asyncio.sleep(_AFTER_S)
                took = asyncio.get_running_loop().time() - begun
                print(f"{name}: {it.history.counts()} in {took:.0f} s, starts {[node.starts for node in it.nodes]}")
                assert it.history.violations() == [], name
                assert all(phone.settled for phone in it.phones), name

    run(main(), patience=_PATIENCE_S)
