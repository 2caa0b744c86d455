"""Patience: looks after texts that wait, and does what their policy says when their time is over."""

import asyncio
from collections.abc import Callable
from typing import Final

from sayso.phone.core.fallback import plan
from sayso.phone.core.texts import Direction, Text
from sayso.phone.line.outgoing import Outgoing
from sayso.phone.line.world import News, World
from sayso.protocol.limits import MINUTE

LOOK_AGAIN_S: Final = 15 * MINUTE
"""The clock on the wall may be set meanwhile; this is how late that is noticed at most."""
_SHORTEST_S: Final = 0.01
"""What is left of a time may be less than a clock can tell."""


class Patience:
    """Of one line. Hears of every change (as a `News`), and passes it on."""

    def __init__(self, world: World, line: bytes, news: News, *, connected: Callable[[], bool]) -> None:
        """Take the line.

        Args:
            world: see `World`.
            line: id of the line.
            news: who is told after this.
            connected: whether the line's stream is open.
        """
        self._world = world
        self._line = line
        self._news = news
        self._connected = connected
        self._moved = asyncio.Event()
        self._next: float | None = None

    def line_changed(self, line: bytes) -> None:
        """A connection came or went, or a policy changed: all that waits is looked at again."""
        self._moved.set()
        self._news.line_changed(line)

    def text_changed(self, text: Text) -> None:
        """A text may have begun to wait."""
        if text.direction is Direction.OUT:
            at = self._due_at(text)
            if at is not None and (self._next is None or at < self._next):
                self._moved.set()
        self._news.text_changed(text)

    async def run(self, outgoing: Outgoing, acted: Callable[[Text], None]) -> None:
        """Look after the line's texts for as long as the phone runs.

        Args:
            outgoing: the line's texts.
            acted: called with each text for which something was done.
        """
        while True:
            self._moved.clear()
            self._next = self._do_due(outgoing, acted)
            await self._sleep()

    def _do_due(self, outgoing: Outgoing, acted: Callable[[Text], None]) -> float | None:
        """Do what is due; returns when the next is."""
        now = self._world.clock.wall()
        later: list[float] = []
        for text in self._world.store.texts.waiting(self._line):
            due = outgoing.plan(text, connected=self._connected())
            if due is not None and due.at is not None and due.at <= now:
                text = outgoing.patience_over(text, due)  # noqa: PLW2901  the same one, moved
                acted(text)
            at = self._due_at(text)
            if at is not None:
                later.append(at)
        return min(later, default=None)

    def _due_at(self, text: Text) -> float | None:
        policy = self._world.store.fallbacks.get(self._line, text.number)
        due = plan(text, policy, connected=self._connected())
        return None if due is None else due.at

    async def _sleep(self) -> None:
        """Wait for the next moment, or for a change."""
        if self._next is None:
            await self._moved.wait()
            return
        seconds = min(LOOK_AGAIN_S, max(_SHORTEST_S, self._next - self._world.clock.wall()))
        async with asyncio.TaskGroup() as tasks:
            alarm = tasks.create_task(self._alarm(seconds))
            await self._moved.wait()
            alarm.cancel()

    async def _alarm(self, seconds: float) -> None:
        await self._world.clock.sleep(seconds)
        self._moved.set()
