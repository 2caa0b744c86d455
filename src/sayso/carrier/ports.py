"""What the network's driver needs of the world."""

from collections.abc import Sequence
from typing import Protocol

from sayso.carrier.core.commands import Forget, Save
from sayso.carrier.core.records import Record
from sayso.protocol.modem import ModemFrame


class CarrierStore(Protocol):
    """Keeps records across restarts and `kill -9`."""

    def load(self) -> list[Record]:
        """Return all records. Raises StoreError."""

    def commit(self, changes: Sequence[Save | Forget]) -> None:
        """Make all changes durable, together or not at all, before returning. Raises StoreError."""

    def close(self) -> None:
        """Release the store."""


class PhoneLinks(Protocol):
    """The phones' ways to their modems."""

    def check(self, modem: str) -> None:
        """Raise BadValueError if `open` could not open a modem of this name."""

    def open(self, modem: str) -> None:
        """Let phones attach to a modem; one that connects after this returns is not refused."""

    def close(self, modem: str) -> None:
        """Hang up and let nobody attach any more."""

    def send(self, modem: str, frame: ModemFrame) -> None:
        """Send a frame to the phone at a modem; it is lost if the phone has just gone."""


class Clock(Protocol):
    """Time."""

    def now(self) -> float:
        """Return Unix time in seconds."""
