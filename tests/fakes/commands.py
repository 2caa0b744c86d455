"""A handler of the owner's commands that says what the test wants."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

from sayso.phone.adapters.command_feed import CommandFeed
from sayso.phone.command_types import Answer, Command, Done, Event, Line, LineChanged


def line(name: str = "line") -> Line:
    """A line that is off."""
    return Line(
        name=name,
        state="off",
        connected=False,
        number=None,
        sim="present",
        server=None,
        server_key=None,
        findable=None,
        read_receipts=False,
        consent=None,
        waiting=0,
        connections=0,
    )


def event(n: int) -> Event:
    """An event that can be told from others."""
    return LineChanged(line=line(f"line-{n}"))


class FakeHandler:
    """The CommandHandler port."""

    def __init__(self, answer: Callable[[Command], Answer] = lambda _: Done()) -> None:
        self.commands: list[Command] = []
        self.feed = CommandFeed()
        self._answer = answer

    async def handle(self, command: Command) -> Answer:
        self.commands.append(command)
        return self._answer(command)

    def watch(self) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        return self.feed.subscribe()
