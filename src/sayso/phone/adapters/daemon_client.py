"""The daemon from outside: ask it, and wait until something has happened."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

from msgspec import Struct

from sayso.phone.adapters.commands import ask, watching
from sayso.phone.command_types import (
    MESSAGES_AT_ONCE,
    Command,
    Line,
    Message,
    MessageList,
    Messages,
    Status,
    StatusReport,
)
from sayso.phone.errors import CommandError

SOCKET: Final = "phone.sock"
PATIENCE_S: Final = 60.0
AnswerT = TypeVar("AnswerT", bound=Struct)
FoundT = TypeVar("FoundT")


class DaemonClient:
    """Asks one phone's daemon."""

    def __init__(self, data: Path, *, patience_s: float = PATIENCE_S) -> None:
        """Take the phone's data directory.

        Args:
            data: where the daemon keeps its files.
            patience_s: how long to wait for anything that is waited for.
        """
        self._socket: Final = data / SOCKET
        self._patience_s: Final = patience_s

    async def ask(self, command: Command, answer: type[AnswerT]) -> AnswerT:
        """Give a command.

        Raises:
            CommandError: no daemon answers, it could not be done, or the daemon is of another version.
        """
        reply = await ask(self._socket, command)
        if not isinstance(reply, answer):
            raise CommandError("the phone's daemon is of another version; restart it")
        return reply

    async def lines(self) -> list[Line]:
        """Return the phone's lines."""
        return (await self.ask(Status(), StatusReport)).lines

    async def messages(self) -> list[Message]:
        """Return the newest messages of all lines, oldest first."""
        return (await self.ask(Messages(limit=MESSAGES_AT_ONCE), MessageList)).messages

    async def wait_for_line(self, wanted: Callable[[Line], bool], *, what: str) -> Line:
        """Wait until a line is as wanted; see `_wait`."""

        async def look() -> Line | None:
            return next((line for line in await self.lines() if wanted(line)), None)

        return await self._wait(look, what)

    async def wait_for_message(self, wanted: Callable[[Message], bool], *, what: str) -> Message:
        """Wait until there is a message as wanted, the newest if several are; see `_wait`."""

        async def look() -> Message | None:
            return next((message for message in reversed(await self.messages()) if wanted(message)), None)

        return await self._wait(look, what)

    async def _wait(self, look: Callable[[], Awaitable[FoundT | None]], what: str) -> FoundT:
        """Look, and look again after each event, until something is found.

        Raises:
            CommandError: nothing while the patience lasts; the sentence names `what`.
        """
        try:
            async with asyncio.timeout(self._patience_s), watching(self._socket) as events:
                found = await look()
                while found is None:
                    await anext(events)
                    found = await look()
                return found
        except TimeoutError as error:
            raise CommandError(f"waited {self._patience_s:.0f} s in vain for {what}") from error
        except StopAsyncIteration as error:
            raise CommandError("the phone's daemon stopped meanwhile") from error
