"""What every `Bus` must do. Subclass `BusContract` and say how two ends of one bus are opened."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from sayso.server.cluster_port import MESSAGE_BYTES, Bus, Delivery
from tests.aio import run

PATIENT_S = 30.0
"""A machine with other work may let a message lie for seconds."""


def _into(taken: list[bytes]) -> Callable[[bytes], bool]:
    def take(message: bytes) -> bool:
        taken.append(message)
        return True

    return take


class BusContract:
    """The tests."""

    def open_ends(self, *, answer_s: float = PATIENT_S) -> AbstractAsyncContextManager[tuple[Bus, Bus]]:
        """Open the ends of two processes, which wait so long for an acknowledgement."""
        raise NotImplementedError

    def test_a_message_is_taken_and_acknowledged(self) -> None:
        async def main() -> None:
            async with self.open_ends() as (one, other):
                taken: list[bytes] = []
                await other.listen(2, _into(taken))
                assert await one.deliver(2, b"hello") is Delivery.ACKNOWLEDGED
                assert taken == [b"hello"]

        run(main())

    def test_a_message_of_the_greatest_size_fits(self) -> None:
        async def main() -> None:
            async with self.open_ends() as (one, other):
                taken: list[bytes] = []
                await other.listen(2, _into(taken))
                # An item that is larger than a message by itself is an envelope of 64 KiB at most, and its seal.
                assert await one.deliver(2, bytes(MESSAGE_BYTES + 80 * 1024)) is Delivery.ACKNOWLEDGED
                assert [len(message) for message in taken] == [MESSAGE_BYTES + 80 * 1024]

        run(main())

    def test_with_nobody_there_it_is_said_at_once(self) -> None:
        async def main() -> None:
            async with self.open_ends() as (one, _):
                assert await one.deliver(7, b"hello") is Delivery.NOBODY

        run(main())

    def test_what_is_not_acknowledged_is_undetermined(self) -> None:
        async def main() -> None:
            async with self.open_ends(answer_s=0.5) as (one, other):
                await other.listen(2, lambda _: False)
                assert await one.deliver(2, b"hello") is Delivery.UNDETERMINED

        run(main())

    def test_messages_are_for_the_node_that_they_name(self) -> None:
        async def main() -> None:
            async with self.open_ends() as (one, other):
                first: list[bytes] = []
                second: list[bytes] = []
                await one.listen(1, _into(first))
                await other.listen(2, _into(second))
                said = await asyncio.gather(one.deliver(2, b"to two"), other.deliver(1, b"to one"))
                assert set(said) == {Delivery.ACKNOWLEDGED}
                assert (first, second) == ([b"to one"], [b"to two"])

        run(main())
