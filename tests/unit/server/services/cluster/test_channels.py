"""What nodes say to each other is sealed, in order, and taken once."""

import asyncio
from typing import Any

from sayso.server.cluster_port import Delivery
from sayso.server.services.cluster.channels import Channels
from sayso.server.services.cluster.messages import AnyItem, Left
from tests.aio import run
from tests.fakes.cluster import FakeBus, FakeOwnership, Record, until


class Wire(FakeBus):
    """Keeps what passes."""

    def __init__(self) -> None:
        super().__init__({})
        self.seen: list[bytes] = []

    async def deliver(self, node: int, message: bytes) -> Delivery:
        self.seen.append(message)
        return await super().deliver(node, message)


def end(number: int, bus: FakeBus, secret: bytes, heard: list[AnyItem]) -> Channels:
    channels = Channels(number, secret=secret, bus=bus, nodes=FakeOwnership(Record(nodes={1, 2}), number))
    channels.received = lambda _, item: heard.append(item)
    return channels


def test_nothing_of_an_item_can_be_read_and_nobody_else_can_speak_or_repeat() -> None:
    async def main() -> None:
        bus, heard = Wire(), list[AnyItem]()
        one, two = end(1, bus, b"s" * 32, []), end(2, bus, b"s" * 32, heard)
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(channels.run()) for channels in (one, two)]
            await asyncio.sleep(0.01)
            one.send(2, Left(7_000_000))
            await until(lambda: heard)
            (message,) = bus.seen
            assert (7_000_000).to_bytes(4, "big") not in message
            assert two._receive(message)  # acknowledged again, and not taken again
            stranger = end(1, bus, b"x" * 32, [])
            assert not two._receive(stranger._sealed(2, 2, [Left(1)]))
            assert not two._receive(one._sealed(3, 2, [Left(1)]))
            assert not two._receive(one._sealed(2, 5, [Left(1)]))
            assert not two._receive(b"short")
            assert heard == [Left(7_000_000)]
            for task in running:
                task.cancel()

    run(main())


def test_what_another_version_says_is_not_taken_for_heard() -> None:
    """It would be lost: whoever sent it holds it until it is acknowledged, or this node is gone."""
    heard: list[AnyItem] = []
    bus = FakeBus({})
    one, two = end(1, bus, b"s" * 32, []), end(2, bus, b"s" * 32, heard)
    unknown: list[Any] = [["a word of tomorrow", 1]]
    assert not two._receive(one._sealed(2, 1, unknown))
    assert two._receive(one._sealed(2, 1, [Left(1)]))
    assert heard == [Left(1)]
