"""Takes the steps of a script."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from sayso.protocol.errors import SaysoError
from tests.fakes.world.machines import Machines
from tests.fakes.world.networks import Networks
from tests.fakes.world.oddities import Oddities
from tests.fakes.world.people import People
from tests.fakes.world.phone import KilledError
from tests.fakes.world.script import WEIGHTS, Step
from tests.fakes.world.world import NUMBERS, World

Act = Callable[[str, int, int], object]


class Player:
    """Makes the steps happen."""

    def __init__(self, world: World) -> None:
        self._world = world
        doers: Final = (People(world), Machines(world), Networks(world), Oddities(world))
        self._acts: dict[str, Act] = {
            name: next(getattr(doer, name) for doer in doers if hasattr(doer, name)) for name in WEIGHTS
        }

    async def play(self, script: list[Step]) -> None:
        """Take all steps."""
        for step in script:
            await self.take(step)

    async def take(self, step: Step) -> None:
        """Take one step; one that cannot be taken now changes nothing."""
        name, a, b, c = step
        self._world.steps += 1
        with suppress(SaysoError, KilledError):
            result = self._acts[name](NUMBERS[a % len(NUMBERS)], b, c)
            if asyncio.iscoroutine(result):
                await result
        await self._world.settle()
        for phone in self._world.phones:
            await phone.bury()
