"""Measure the phone's decisions: `python -m bench.phone`. CPU-seconds of this process; the store is a real file.

fallback   from the moment at which patience is over until the decision is durable
enrolled   is a number in the cloud? decided locally, with 5,000 contacts and a set of 100,000 lines
send       writing down a text with 10,000 stored messages, against one with 100
"""

import asyncio
import hashlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec

from sayso.consent.policy import current_policy
from sayso.phone.adapters.set_cache import SetDirectory
from sayso.phone.adapters.store import Store
from sayso.phone.adapters.system import SystemClock, SystemRandom
from sayso.phone.adapters.vodozemac_ratchet import VodozemacRatchet
from sayso.phone.core.fallback import Policy, When
from sayso.phone.core.lines import Line, LineState
from sayso.phone.core.set_refresh import found
from sayso.phone.core.texts import Channel, Direction, InState, Text
from sayso.phone.line.outgoing import Outgoing
from sayso.phone.line.patience import Patience
from sayso.phone.line.world import Reach, World
from sayso.protocol.enrolled_set import encode_shards, places, shape_for
from sayso.protocol.ids import Token
from sayso.protocol.set_manifest import SetIndex

LINE = b"l" * 16
KEY = bytes(32)
CONTACTS, ENROLLED = 5_000, 100_000
FEW, MANY, REPEATS = 100, 10_000, 100
PATIENCE_S = 60.0
WAITING = 100
WORK = Path(__file__).parent.parent / "build"


class Figures(msgspec.Struct, frozen=True):
    """What was measured; seconds of CPU, but for `fallback_late_s` (of the clock, on a machine that may be loaded)."""

    fallback_late_s: float
    """How late the last of a hundred was decided whose patience ended together. At most 1."""
    fallback_cpu_s: float
    enrolled_anew_s: float
    """For all 5,000 contacts, by the set anew; once for each build of the set."""
    enrolled_s: float
    """For all 5,000 contacts, as it is remembered; at most 0.005."""
    send_few_s: float
    send_many_s: float
    send_ratio: float
    """At most 1.5."""


def number(place: int) -> str:
    """One of a hundred numbers that are reserved for fiction."""
    return f"+12025550{100 + place % 100}"


def store_with(folder: Path, messages: int) -> Store:
    """A store in a file, with a line and so many messages in a hundred conversations."""
    folder.mkdir(exist_ok=True)
    store = Store(folder / f"{messages}.db", KEY)
    with store.transaction("bench"):
        store.lines.add(Line(id=LINE, name="sim1", state=LineState.ON, number="+447700900101"))
        for place in range(messages):
            store.texts.add(
                Text(
                    line=LINE,
                    number=number(place % 100),
                    message_id=place.to_bytes(16, "big"),
                    direction=Direction.IN,
                    channel=Channel.CLOUD,
                    text="stored",
                    state=InState.READ,
                    at=1.0,
                )
            )
    return store


def cpu_of(work: Callable[[int], object], repeats: int) -> float:
    """Median CPU-seconds of one call."""
    spent = []
    for turn in range(repeats):
        began = time.process_time()
        work(turn)
        spent.append(time.process_time() - began)
    return statistics.median(spent)


def send_cost(folder: Path, messages: int) -> float:
    """CPU-seconds of one send, as `line.outgoing` writes it down."""
    store = store_with(folder, messages)
    outgoing = Outgoing(_world(store), LINE)
    cost = cpu_of(lambda turn: outgoing.write(number(turn % 100), "hello", connected=True), REPEATS)
    store.close()
    return cost


def enrolled_cost() -> tuple[float, float]:
    """CPU-seconds to tell of all contacts whether they are in the cloud: by the set anew, and as it is remembered."""
    tokens = [Token(b"\x01" + hashlib.sha256(place.to_bytes(4, "big")).digest()) for place in range(ENROLLED)]
    shape = shape_for(len(tokens), None)
    shards = encode_shards(places(tokens, shape), epoch=1, shape=shape)
    index = SetIndex(
        epoch=1,
        count=len(tokens),
        universe_bits=shape.universe_bits,
        shard_bits=shape.shard_bits,
        shards=[place.to_bytes(32, "big") for place in range(len(shards))],
        changes=[],
    )
    contacts = tokens[:CONTACTS]
    anew = cpu_of(lambda _: found(index, lambda name: shards[int.from_bytes(name, "big")], contacts), 3)
    names = [f"contact {place}" for place in range(CONTACTS)]
    likely = frozenset(names[::2])
    remembered = cpu_of(lambda _: [name in likely for name in names], 20)
    return anew, remembered


async def fallback_cost(folder: Path) -> tuple[float, float]:
    """How late the last of a hundred is decided whose patience is over, by the clock; and the CPU-seconds of it."""
    store = store_with(folder / "fallback", FEW)
    world = _world(store)
    moved: list[float] = []
    patience = Patience(world, LINE, _Nobody(), connected=lambda: False)
    outgoing = Outgoing(replace(world, news=patience), LINE)
    policy = Policy(unreachable=When.AFTER, unreachable_after_s=PATIENCE_S)
    with store.transaction("bench"):
        store.fallbacks.put(LINE, None, policy)
    texts = [outgoing.write(number(place), "waits", connected=False) for place in range(WAITING)]
    with store.transaction("bench"):  # all but a second of it is over
        for text in texts:
            store.texts.put(replace(text, at=world.clock.wall() - PATIENCE_S + 1.0))
    due = world.clock.wall() + 1.0
    done = asyncio.Event()

    def acted(_: Text) -> None:
        moved.append(world.clock.wall() - due)
        if len(moved) == WAITING:
            done.set()

    running = asyncio.ensure_future(patience.run(outgoing, acted))
    await asyncio.sleep(0.5)
    began = time.process_time()
    await done.wait()
    spent = time.process_time() - began
    running.cancel()
    store.close()
    return max(moved), spent


class _Nobody:
    """Hears nothing."""

    def line_changed(self, line: bytes) -> None:
        """Nobody looks."""

    def text_changed(self, text: Text) -> None:
        """Nobody looks."""


def _world(store: Store) -> World:
    async def no_pin(output: bytes, salt: bytes) -> bytes:
        raise NotImplementedError

    def no_reach(*_: object, **__: object) -> Reach:
        raise NotImplementedError

    return World(
        store=store,
        clock=SystemClock(),
        random=SystemRandom(),
        ratchet=VodozemacRatchet(KEY),
        sets=SetDirectory(Path("/nonexistent")),
        open_reach=no_reach,
        news=_Nobody(),
        policy=current_policy(),
        harden=no_pin,
    )


def measured() -> Figures:
    """Measure everything."""
    with tempfile.TemporaryDirectory(dir=WORK) as place:
        folder = Path(place)
        few, many = send_cost(folder, FEW), send_cost(folder, MANY)
        late, spent = asyncio.run(fallback_cost(folder))
    anew, remembered = enrolled_cost()
    return Figures(
        fallback_late_s=late,
        fallback_cpu_s=spent,
        enrolled_anew_s=anew,
        enrolled_s=remembered,
        send_few_s=few,
        send_many_s=many,
        send_ratio=many / few,
    )


if __name__ == "__main__":
    WORK.mkdir(exist_ok=True)
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(measured())).decode() + "\n")
