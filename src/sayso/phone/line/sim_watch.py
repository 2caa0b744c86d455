"""The SIM that a line is bound to: seen, missed, and what that means for the line (design.md §5.5).

The rule is `core.lines.after_sim`; here are the clock, the store and the owner's word. A SIM is named by a keyed digest
under a random key that never leaves the store.
"""

import asyncio
import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from sayso.phone.core.lines import LineEvent, SimSeen, after_sim, move
from sayso.phone.errors import CommandError
from sayso.phone.line.world import World
from sayso.phone.ports import Sim
from sayso.protocol.errors import NumberError
from sayso.protocol.numbers import PhoneNumber

_SIM_KEY: Final = "sim-key"
_SIM_KEY_BYTES: Final = 32
_SHORTEST_S: Final = 0.01
"""What is left of a time may be less than a clock can tell."""
PAUSED_ANOTHER: Final = (
    "another SIM is in the phone: this line is silent until its own is back, and off after a day; "
    "say which it is with `sayso phone sim`"
)
PAUSED_NONE: Final = "the SIM is not in the phone: this line is silent until it is back, and off after a day"
RELEASED: Final = "cloud messaging was switched off: the line's SIM was gone for a day; opt in again if you want to"
GIVEN_UP: Final = "cloud messaging was switched off: you said that another SIM is in the phone"


@dataclass(frozen=True, slots=True, kw_only=True)
class SimView:
    """What the modem says of its SIM, without its identifiers."""

    modem: bool = False
    present: bool = False
    locked: bool = False
    digest: bytes | None = None
    number: str | None = None


class SimWatch:
    """Watches one line's SIM."""

    def __init__(
        self,
        world: World,
        line: bytes,
        *,
        moved: Callable[[], None],
        released: Callable[[str], None],
        ours_now: Callable[[], None],
    ) -> None:
        """Take the line.

        Args:
            world: see `World`.
            line: id of the line.
            moved: called when the line's state has changed because of the SIM.
            released: called with a sentence for the owner when the enrolment is to end.
            ours_now: called when the SIM in the phone has become the line's without a word of the modem's: its owner
                said so, or the line is bound to none any more.
        """
        self._world = world
        self._line = line
        self._moved = moved
        self._released = released
        self._ours_now = ours_now
        self._was_ours = False
        self._since = world.clock.monotonic()
        """Since when what is seen has been so."""
        self._seen_ours = False
        self._looks = asyncio.Event()
        self.view = SimView()
        self.known = asyncio.Event()
        """Set once the modem has spoken of the SIM, or could not be reached: before that a line stays silent."""

    @property
    def seen(self) -> SimSeen:
        """The SIM, as against the one that the line is bound to."""
        bound = self._world.store.lines.get(self._line).sim
        if not self.view.modem:
            return SimSeen.UNKNOWN
        if not self.view.present:
            return SimSeen.NONE
        if self.view.digest is None:
            return SimSeen.LOCKED
        return SimSeen.OURS if bound in {None, self.view.digest} else SimSeen.ANOTHER

    def see(self, sim: Sim | None) -> None:
        """Take the modem's word; None: there is no modem."""
        view = SimView() if sim is None else self._view(sim)
        if view != self.view:
            before, self.view = self.seen, view
            if self.seen is not before:
                self._since = self._world.clock.monotonic()
            self._world.news.line_changed(self._line)
            self._looks.set()
        self._seen_ours = self._seen_ours or self.seen is SimSeen.OURS
        if sim is not None:
            self._mind()
        self._was_ours = self.seen is SimSeen.OURS
        self.known.set()

    def look(self) -> None:
        """Look again: the line's state has changed, and what is seen may mean something now."""
        self._looks.set()

    def confirm(self, *, ours: bool) -> None:
        """Take the owner's word on a SIM that is not the one the line is bound to.

        Raises:
            CommandError: there is no such SIM, or it cannot be this line's.
        """
        line = self._world.store.lines.get(self._line)
        if self.seen is not SimSeen.ANOTHER:
            raise CommandError("no other SIM is in the phone than the one that this line is bound to")
        if not ours:
            self._released(GIVEN_UP)
            return
        if self.view.number is not None and line.number not in {None, self.view.number}:
            raise CommandError("this SIM has another number than the line: opt out, then opt in with this one")
        with self._world.store.transaction("sim-confirmed"):
            self._world.store.lines.put(replace(line, sim=self.view.digest))
        self._mind()
        self._looks.set()

    async def run(self) -> None:
        """Look again when time alone changes what is seen; for as long as the phone runs."""
        while True:
            self._looks.clear()
            again = self._mind()
            if self.seen is SimSeen.OURS and not self._was_ours:
                self._ours_now()
            self._was_ours = self.seen is SimSeen.OURS
            async with asyncio.TaskGroup() as tasks:
                alarm = tasks.create_task(self._alarm(again))
                await self._looks.wait()
                alarm.cancel()

    async def _alarm(self, seconds: float | None) -> None:
        if seconds is not None:
            await self._world.clock.sleep(max(_SHORTEST_S, seconds))
            self._looks.set()

    def _mind(self) -> float | None:
        """Draw the consequence of what is seen; returns when to look again."""
        line = self._world.store.lines.get(self._line)
        seen = self.seen
        verdict = after_sim(
            line,
            seen,
            seen_for_s=self._world.clock.monotonic() - self._since,
            from_start=not self._seen_ours,
            now=self._world.clock.wall(),
        )
        if verdict.event is LineEvent.SIM_RELEASED:
            self._released(RELEASED)
            return None
        changed = replace(line, sim_gone_since=verdict.gone_since)
        if verdict.event is not None:
            why = PAUSED_ANOTHER if seen is SimSeen.ANOTHER else PAUSED_NONE
            trouble = why if verdict.event is LineEvent.SIM_GONE else None
            changed = replace(changed, state=move(line.state, verdict.event), trouble=trouble)
        if changed != line:
            with self._world.store.transaction("sim-seen"):
                self._world.store.lines.put(changed)
            self._world.news.line_changed(self._line)
        if verdict.event is not None:
            self._moved()
        return verdict.look_again_s

    def _view(self, sim: Sim) -> SimView:
        readable = sim.present and not sim.locked
        return SimView(
            modem=True,
            present=sim.present,
            locked=sim.locked,
            digest=self._digest(sim) if readable else None,
            number=normal(sim.number) if readable and sim.number else None,
        )

    def _digest(self, sim: Sim) -> bytes:
        key = self._world.store.secret(_SIM_KEY)
        if key is None:
            key = self._world.random.token_bytes(_SIM_KEY_BYTES)
            with self._world.store.transaction("sim-key"):
                self._world.store.put_secret(_SIM_KEY, key)
        return hmac.digest(key, _name(sim).encode(), "sha256")


def _name(sim: Sim) -> str:
    """Return all that tells one SIM from another."""
    return f"{sim.imsi}/{sim.iccid}/{sim.slot}" if sim.slot else f"{sim.imsi}/{sim.iccid}"


def normal(sender: str) -> str:
    """Write a sender as threads name people: E.164 where it is a number, as it came where it is not."""
    try:
        return PhoneNumber.parse(sender).e164
    except NumberError:
        return sender
