"""The phone dies at every commit boundary of a scripted life: nothing is lost, nothing shown twice."""

import functools
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from sayso.phone.core.lines import LineState
from sayso.phone.core.texts import Channel, Direction
from tests.aio import run
from tests.fakes.phones import ALICE, BOB, CAROL, Phone, Town


class Killed(BaseException):
    """The phone's battery fell out."""


class Battery:
    """Falls out at the n-th boundary; after that nothing is written until `recharge`."""

    def __init__(self, at: int | None = None) -> None:
        self.seen: list[tuple[str, str]] = []
        self._at = at
        self._dead = False

    def __call__(self, name: str, side: str) -> None:
        if self._dead:
            raise Killed
        self.seen.append((name, side))
        if len(self.seen) - 1 == self._at:
            self._dead = True
            raise Killed

    def recharge(self) -> None:
        self._dead = False


Step = Callable[[Phone, Phone], Awaitable[None]]


async def _until(phone: Phone, done: Callable[[], bool]) -> None:
    for _ in range(60):
        await phone.town.settle()
        if done():
            return
        await phone.town.pass_time(5)
    raise AssertionError([(r.direction, r.text, r.state, r.reason) for r in phone.texts()])


async def _opt_in(victim: Phone, _: Phone) -> None:
    if victim.state is LineState.OFF:
        await victim.opt_in()
    await _until(victim, lambda: victim.state is LineState.ON and victim.service.connected)


def _says(text: str, *, to: str, state: str) -> Step:
    async def step(victim: Phone, _: Phone) -> None:
        mine = [row for row in victim.texts(to) if row.direction is Direction.OUT and row.text == text]
        if not mine:
            mine = [victim.send(to, text)]
        await _until(victim, lambda: victim.state_of(mine[0]) == state)

    return step


def _hears(text: str) -> Step:
    async def step(victim: Phone, other: Phone) -> None:
        mine = [row for row in other.texts(victim.number) if row.direction is Direction.OUT and row.text == text]
        if not mine:
            mine = [other.send(victim.number, text)]
        await _until(victim, lambda: other.state_of(mine[0]) == "delivered")

    return step


def _missed(text: str) -> Step:
    """The other phone writes while the victim's stream is down."""

    async def step(victim: Phone, other: Phone) -> None:
        mine = [row for row in other.texts(victim.number) if row.direction is Direction.OUT and row.text == text]
        if not mine:
            server = victim.town.server
            server.links[victim.service.device.device].hang_up()  # type: ignore[union-attr]  # the line is on
            mine = [other.send(victim.number, text)]
        await _until(victim, lambda: other.state_of(mine[0]) == "delivered")

    return step


async def _reads(victim: Phone, other: Phone) -> None:
    victim.service.set_read_receipts(on=True)
    victim.service.open_thread(other.number)
    theirs = [r for r in other.texts(victim.number) if (r.direction, r.channel) == (Direction.OUT, Channel.CLOUD)]
    await _until(victim, lambda: all(other.state_of(row) == "read" for row in theirs))


def _sms_from(number: str, text: str) -> Step:
    async def step(victim: Phone, _: Phone) -> None:
        if text not in {sms.text for sms in victim.town.network.accepted}:
            victim.town.network.inject(number, victim.number, text)
        await _until(victim, lambda: not victim.modem.stored)

    return step


async def _rotates(victim: Phone, _: Phone) -> None:
    """Two and a half days pass: envelope key and certificate are renewed."""
    newest = max(key.key_id for key in victim.store.lines.envelope_keys(victim.line))
    if newest < 2:
        await victim.town.pass_time(2.5 * 24 * 3600)
        await _until(victim, lambda: victim.store.lines.envelope_keys(victim.line)[0].published)


async def _opt_out(victim: Phone, _: Phone) -> None:
    if victim.state is not LineState.OFF:
        if victim.state is not LineState.LEAVING:
            await victim.service.opt_out()
        await _until(victim, lambda: victim.state is LineState.OFF)


LIFE: list[Step] = [
    _opt_in,
    _says("one", to=BOB, state="delivered"),
    _hears("two"),
    _missed("three"),
    _reads,
    _sms_from(CAROL, "by sms"),
    _says("four, by sms", to=CAROL, state="sms-delivered"),
    _rotates,
    _says("five", to=BOB, state="delivered"),
    _opt_out,
]


async def _live(at: int | None) -> tuple[Battery, Phone, Phone, Town]:
    town = Town()
    battery = Battery(at)
    victim = town.phone(ALICE, boundary=battery)
    other = town.phone(BOB)
    carol = town.phone(CAROL)
    done = 0
    async with other.running(), carol.running():
        await other.opt_in()
        other.send(ALICE, "hello by sms, so that Bob has written to Alice")
        await town.settle()
        while done < len(LIFE):
            try:
                async with victim.running():
                    while done < len(LIFE):
                        await LIFE[done](victim, other)
                        done += 1
            except* Killed:
                battery.recharge()
        await town.settle()
    return battery, victim, other, town


def _check(victim: Phone, other: Phone, town: Town) -> None:
    shown = Counter(row.text for row in other.texts(ALICE) if row.direction is Direction.IN)
    assert shown == Counter(["one", "five"])
    heard = Counter(row.text for row in victim.texts() if row.direction is Direction.IN)
    assert heard == Counter(["hello by sms, so that Bob has written to Alice", "two", "three", "by sms"])
    assert [sms.text for sms in town.network.accepted].count("four, by sms") == 1
    assert victim.state is LineState.OFF
    assert victim.service.device is None


BOUNDARIES = [
    "certificate",
    "claimed",
    "code-asked",
    "code-entered",
    "consent-given",
    "enrolled",
    "grant-set",
    "incoming",
    "keys-made",
    "keys-published",
    "leaving",
    "left",
    "line-on",
    "not-enrolled",
    "not-in-cloud",
    "old-keys-destroyed",
    "outbox-accept",
    "outbox-drop",
    "read-receipts",
    "receipts-gathered",
    "sealed",
    "sim-key",
    "sms-came",
    "sms-deleted",
    "sms-handed",
    "sms-state",
    "statement",
    "text-written",
    "thread-opened",
    "token",
]


def test_the_life_without_a_crash_passes_all_boundaries() -> None:
    battery, victim, other, town = run(_live(None))
    _check(victim, other, town)
    assert sorted({name for name, _ in battery.seen} - {"line-made", "schema"}) == BOUNDARIES


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("name", BOUNDARIES)
def test_a_crash_at_a_boundary(name: str, side: str) -> None:
    places = [index for index, seen in enumerate(_whole_life()) if seen == (name, side)]
    for at in {places[0], places[-1]}:
        _, victim, other, town = run(_live(at))
        _check(victim, other, town)


@functools.cache
def _whole_life() -> tuple[tuple[str, str], ...]:
    return tuple(run(_live(None))[0].seen)
