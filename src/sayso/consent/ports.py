"""What the gate needs of the world."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A connection that is about to be opened."""

    at: float
    """Unix seconds."""
    host: str
    port: int
    purpose: str
    """Why, in words for the phone's owner: `messages`, `enrolment`, ..."""


class Journal(Protocol):
    """Where each connection is written down, for the owner's eyes ("What has left this phone")."""

    def opened(self, attempt: Attempt) -> int:
        """Write down an attempt, before the first packet. Returns its number."""
        ...

    def closed(self, number: int, *, sent_bytes: int, received_bytes: int) -> None:
        """Write down what a connection came to. Bytes of payload, both ways, as the kernel counts them."""
        ...
