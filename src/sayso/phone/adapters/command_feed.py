"""Tells whoever watches what happens on the phone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from sayso.phone.command_types import Event

UNREAD_EVENTS: Final = 1024
"""A watcher that leaves more unread is let go: nothing may grow without bound because somebody does not read."""


class CommandFeed:
    """Hands each published event to every watcher."""

    def __init__(self) -> None:
        self._watchers: set[asyncio.Queue[Event | None]] = set()

    def publish(self, event: Event) -> None:
        """Tell all watchers; never waits."""
        for watcher in list(self._watchers):
            if watcher.qsize() < UNREAD_EVENTS:
                watcher.put_nowait(event)
            else:
                self._watchers.discard(watcher)
                watcher.put_nowait(None)

    def subscribe(self) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """Hear everything that is published from entering until leaving; ends early for who cannot keep up."""
        return self._subscribe()

    @asynccontextmanager
    async def _subscribe(self) -> AsyncIterator[AsyncIterator[Event]]:
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._watchers.add(queue)
        try:
            yield _events(queue)
        finally:
            self._watchers.discard(queue)


async def _events(queue: asyncio.Queue[Event | None]) -> AsyncIterator[Event]:
    while (event := await queue.get()) is not None:
        yield event
