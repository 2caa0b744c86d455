"""What a server of several processes needs of the world: who holds which mailbox, and a way to the others.

Raises, everywhere:
    StoreError: the storage failed, or this node was fenced; the process has to stop.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from sayso.protocol.ids import DeviceId, HandleHash
from sayso.server.core.model import Held


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What became of a claim."""

    mine: frozenset[DeviceId]
    """Devices that this node owns now, those that it owned before included."""
    elsewhere: Mapping[DeviceId, int]
    """Devices that another node owns, and which."""
    held: Held
    """What waits for `mine`; its `next_seq` is above every seq that was ever given out."""


class Ownership(Protocol):
    """Which node holds a device's mailbox: one, or none."""

    async def claim(self, devices: Collection[DeviceId]) -> Claimed:
        """Take devices that nobody holds, or whose node is fenced. Durable when it returns."""
        ...

    async def release(self, devices: Collection[DeviceId]) -> None:
        """Let devices go. What belongs to them is durable before."""
        ...

    async def locate(self, handle_hash: HandleHash) -> DeviceId | None:
        """Find the device for which an envelope of this handle waits or is in doubt, whoever holds it."""
        ...

    async def owner(self, device: DeviceId) -> int | None:
        """Return the node that holds a device's mailbox; None where nobody does."""
        ...

    async def overdue(self, *, now: float, at_most: int) -> list[DeviceId]:
        """Return devices that nobody holds, and for which something waits whose time is over."""
        ...

    async def holdings(self, device: DeviceId) -> tuple[int, int]:
        """Return how many envelopes are stored for a device, and their bytes."""
        ...


class Nodes(Protocol):
    """The other processes."""

    async def living(self) -> list[int]:
        """Return the other nodes that may still commit."""
        ...

    async def fence(self, node: int) -> bool:
        """Fence a node that is silent. Returns whether it is fenced now; it never commits anything after that."""
        ...


class Delivery(Enum):
    """What became of a message on the bus."""

    ACKNOWLEDGED = 1
    """The other node has taken it."""
    UNDETERMINED = 2
    """Nobody knows: try it again, the other node knows what it has had."""
    NOBODY = 3
    """No such node listens."""


class Bus(Protocol):
    """The way between processes. Nothing on it is a record: it may lose, and it may bring twice."""

    async def listen(self, node: int, receive: Callable[[bytes], bool]) -> None:
        """Take what others send to this node; True acknowledges it. One call."""
        ...

    async def deliver(self, node: int, message: bytes) -> Delivery:
        """Bring a message of at most `MESSAGE_BYTES` to another node."""
        ...

    async def close(self) -> None:
        """Let go."""
        ...


MESSAGE_BYTES: Final = 512 * 1024
"""What one message on the bus may have, or a single item more than that."""
