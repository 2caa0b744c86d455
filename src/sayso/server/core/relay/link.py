"""A device's connection, as the relay sees it."""

from typing import Protocol

from sayso.protocol.frames import Frame


class Link(Protocol):
    """One device's connection, as the relay sees it."""

    def put(self, frame: Frame, size: int = 64) -> None:
        """Queue a frame; the queue leaves once per turn of the event loop. `size`: upper bound of its bytes."""
        ...

    @property
    def congested(self) -> bool:
        """Whether the device does not read as fast as is written: nothing live goes there for now."""
        ...

    def end(self) -> None:
        """Close after what is queued has left."""
        ...
