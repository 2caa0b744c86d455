"""What happens, and who does what is asked."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from sayso.phone.command_types.answers import Answer
from sayso.phone.command_types.commands import Command
from sayso.phone.command_types.views import Line, Message
from sayso.phone.command_types.words import Quiet


class _Event(Quiet, frozen=True, kw_only=True, tag_field="event"):
    pass


class LineChanged(_Event, frozen=True, kw_only=True, tag="line"):
    """A line changed: state, connection, SIM, trouble."""

    line: Line


class MessageChanged(_Event, frozen=True, kw_only=True, tag="message"):
    """A message came, or its state or channel changed."""

    message: Message


Event = LineChanged | MessageChanged


class CommandHandler(Protocol):
    """Does what the owner asks; the phone's side of the socket calls it."""

    async def handle(self, command: Command) -> Answer:
        """Do one command.

        Raises:
            SaysoError: not possible now; the sentence goes to the owner as `Failed`.
        """
        ...

    def watch(self) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """Subscribe from the moment of entering until leaving; ends early when the watcher cannot keep up."""
        ...
