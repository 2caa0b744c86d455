"""What the tests over real processes share: a nursery for each worker, and a world in which both have said yes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sayso.phone import command_types as types
from tests.aio import run
from tests.integration.nursery import Nursery
from tests.integration.scripts import say_yes
from tests.integration.world import ALICE, Enrolled, Ports, world


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    with Nursery() as started:
        yield started


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short path: a socket's name has 107 bytes."""
    return tmp_path_factory.mktemp("w") / "w"


@pytest.fixture(scope="session")
def enrolled(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Enrolled:
    """A world at rest: Alice and Bob have said yes and never texted; Bob has Alice among his contacts."""
    data, ports = tmp_path_factory.mktemp("enrolled") / "w", Ports.free()

    async def enrol() -> None:
        async with world(nursery, data, ports) as made:
            await made.start("carrier")
            await made.start("server", "alice", "bob")
            for person in made.people.values():
                await person.line_is("off")
                await say_yes(made, person)
            await made.bob.do(types.AddContact(name="Alice", number=ALICE))
            await made.stop()

    run(enrol())
    return Enrolled(data, ports)
