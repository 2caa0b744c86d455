"""The live demo: whatever either of the two gets or sends is shown; lines that are typed are sent."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

from sayso.demo.steps import opt_in
from sayso.demo.world import Person, World
from sayso.phone import command_types as types
from sayso.phone.adapters.commands import watching
from sayso.phone.adapters.daemon_client import SOCKET
from sayso.protocol.errors import SaysoError

HELP: Final = """\
    alice TEXT       Alice texts Bob            bob TEXT         Bob texts Alice
    alice on         Alice says yes             alice off        Alice says no
    quit             stop everything            help             this"""


class Prompt:
    """Shows what happens on both phones, and does what is typed."""

    def __init__(self, world: World, show: Callable[[str], None]) -> None:
        self._world = world
        self._show = show

    async def run(self, lines: AsyncIterator[str], stop: asyncio.Event) -> None:
        """Go on until `quit`, the end of input, or `stop`."""
        async with asyncio.TaskGroup() as tasks:
            watchers = [tasks.create_task(self._watch(person)) for person in self._world.people.values()]
            typing = tasks.create_task(self._type(lines))
            stopping = tasks.create_task(stop.wait())
            await asyncio.wait({typing, stopping}, return_when=asyncio.FIRST_COMPLETED)
            for task in (*watchers, typing, stopping):
                task.cancel()

    async def _type(self, lines: AsyncIterator[str]) -> None:
        async for line in lines:
            words = line.strip()
            if words in {"quit", "exit"}:
                return
            if words:
                await self._do(words)

    async def _do(self, words: str) -> None:
        name, _, rest = words.partition(" ")
        person = self._world.people.get(name.lower())
        if person is None or not rest:
            self._show(HELP)
            return
        try:
            await self._act(person, rest.strip())
        except SaysoError as error:
            self._show(f"    {error}")

    async def _act(self, person: Person, rest: str) -> None:
        if rest == "on":
            await opt_in(self._world, person)
        elif rest == "off":
            await person.phone.ask(types.OptOut(), types.OptedOut)
        else:
            other = next(one for one in self._world.people.values() if one is not person)
            await person.phone.ask(types.Send(to=other.number, text=rest), types.Sending)

    async def _watch(self, person: Person) -> None:
        async with watching(person.data / SOCKET) as events:
            async for event in events:
                if isinstance(event, types.MessageChanged):
                    message = event.message
                    arrow = "──▶" if message.direction == "out" else "◀──"
                    note = f"  ({message.notice})" if message.notice else ""
                    self._show(f"{person.name:>6} {arrow} {message.text}   [{message.channel}, {message.state}]{note}")
                else:
                    line = event.line
                    where = "connected" if line.connected else "not connected"
                    trouble = f"  {line.trouble}" if line.trouble else ""
                    self._show(f"{person.name:>6}     cloud messaging {line.state}, {where}{trouble}")
