"""Many askers, one query: what is asked for while a query is under way goes into the next one."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

AT_MOST = 1024
"""Keys in one query."""


class Gather(Generic[Key, Value]):
    """Collects keys and answers each; the group commit of reading. What fails the query ends `run`."""

    def __init__(self, query: Callable[[Collection[Key]], Awaitable[Mapping[Key, Value]]]) -> None:
        """Take the query; it gives a value for each key that it is asked for."""
        self._query = query
        self._asked: dict[Key, asyncio.Future[Value]] = {}
        self._away: dict[Key, asyncio.Future[Value]] = {}
        self._work = asyncio.Event()

    async def ask(self, key: Key) -> Value:
        """Return a key's value."""
        return await asyncio.shield(self._future(key))

    def start(self, key: Key, then: Callable[[], None]) -> None:
        """Ask for a key, and do something once it is answered."""
        self._future(key).add_done_callback(lambda future: None if future.cancelled() else then())

    async def passed(self, key: Key) -> None:
        """Wait while a query for this key is under way or about to be."""
        while (future := self._away.get(key) or self._asked.get(key)) is not None:
            await asyncio.wait([future])

    async def run(self) -> None:
        """Answer until cancelled."""
        while True:
            await self._work.wait()
            self._work.clear()
            while self._asked:
                keys = list(self._asked)[:AT_MOST]
                self._away = {key: self._asked.pop(key) for key in keys}
                try:
                    found = await self._query(keys)
                except BaseException:
                    for future in self._away.values():
                        future.cancel()
                    raise
                answered, self._away = self._away, {}
                for key, future in answered.items():
                    if not future.done():
                        future.set_result(found[key])

    def _future(self, key: Key) -> "asyncio.Future[Value]":
        future = self._asked.get(key)
        if future is None:
            future = self._asked[key] = asyncio.get_running_loop().create_future()
            self._work.set()
        return future
