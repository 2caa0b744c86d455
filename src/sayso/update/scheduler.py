"""Checks by itself, about once a day, while the consent to that is in force; silent otherwise."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from sayso.update.adapters.files import write_durably
from sayso.update.core.schedule import MOST_S, next_check
from sayso.update.ports import Clock

LOOK_S: Final = 30.0
"""How often it looks whether the consent is there and the time has come; looking sends nothing."""


class Last(msgspec.Struct, frozen=True):
    """How the last check went; durable, so that a restart is no reason to check."""

    due: float
    """When the next one is; Unix seconds."""


class Scheduler:
    """Decides when to check. The check itself is the caller's."""

    def __init__(
        self,
        memory: Path,
        *,
        agreed: Callable[[], bool],
        check: Callable[[], bool],
        clock: Clock,
        random: Random,
    ) -> None:
        """Make a scheduler.

        Args:
            memory: file that remembers when the next check is due.
            agreed: whether the consent is in force.
            check: checks, and returns whether there was an answer; called in a thread, since it waits.
            clock: wall time.
            random: for the jitter.
        """
        self._memory = memory
        self._agreed = agreed
        self._check = check
        self._clock = clock
        self._random = random

    async def run(self, stop: asyncio.Event) -> None:
        """Go on until `stop` is set."""
        while not stop.is_set():
            await self.look()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await stop.wait()

    async def look(self) -> bool:
        """Check if it is agreed to and due; returns whether it was."""
        if not self._agreed():
            self._memory.unlink(missing_ok=True)  # a new yes begins anew
            return False
        now = self._clock.wall()
        due = self._due()
        if due is None:
            # Not at once: the moment of a yes, or of a start, is not to be seen from outside.
            self._plan(last=None, failed=False)
            return False
        # Further away than any plan goes: the clock was set back meanwhile.
        if now < due <= now + MOST_S:
            return False
        answered = await asyncio.to_thread(self._check)
        self._plan(last=self._clock.wall(), failed=not answered)
        return True

    def _plan(self, *, last: float | None, failed: bool) -> None:
        due = next_check(last=last, now=self._clock.wall(), failed=failed, random=self._random)
        write_durably(self._memory, msgspec.json.encode(Last(due)))

    def _due(self) -> float | None:
        try:
            return msgspec.json.decode(self._memory.read_bytes(), type=Last).due
        except (FileNotFoundError, msgspec.MsgspecError):
            return None
