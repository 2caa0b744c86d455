"""What the phone's side of updates needs of the world."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol

from sayso.update.core.channel import Channel
from sayso.update.core.manifest import Manifest, Migration

Boundary = Callable[[str], None]
"""Called with a step's name after everything before it is durable; the crash tests stop the process there."""
Progress = Callable[[str, int, int], None]
"""Called with what is done, how much of it, and of how much (bytes)."""


class Mirror(Protocol):
    """Where releases come from: signed, checked, and asked in the same words by every phone."""

    def refresh(self, *, not_before: float) -> Channel:
        """Fetch and check what is signed; return the channel.

        Args:
            not_before: Unix seconds that have passed for sure, by signed dates; a clock behind it is not believed.

        Raises:
            RefusedError: signatures, versions or dates do not hold.
            UnreachableError: no answer, too slow, or too much.
            ReleaseError: the channel is malformed.
            GateClosedError: no consent covers it.
        """
        ...

    def fetch(self, target: str, progress: Progress) -> Path:
        """Fetch a release after `refresh`, going on where an earlier try stopped; return a file that is checked.

        Raises:
            RefusedError: it is not what was signed, or is not among what is signed.
            UnreachableError: no answer, too slow, or too much.
            ApplyError: there is no room for it.
            GateClosedError: no consent covers it.
        """
        ...


class Slots(Protocol):
    """Builds environments and runs programs in them."""

    def build(self, slot: Path, archive: Path, manifest: Manifest) -> None:
        """Make an environment from a checked release, in place of what the slot held.

        Raises:
            ApplyError: it cannot be built.
            ReleaseError: the archive is not what its manifest says.
        """
        ...

    def migrate(self, slot: Path, data: Path, steps: Sequence[tuple[Migration, Literal["forward", "back"]]]) -> None:
        """Run migrations of the release in `slot` on a copy of the data.

        Raises:
            ApplyError: one failed.
        """
        ...

    def is_healthy(self, slot: Path, data: Path, manifest: Manifest) -> bool:
        """Run the release's health check; False when it fails, hangs or cannot be started."""
        ...


class Clock(Protocol):
    """Both clocks."""

    def wall(self) -> float:
        """Return Unix seconds."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        ...


class Random(Protocol):
    """A source of secrets."""

    def token_bytes(self, count: int) -> bytes:
        """Return `count` random bytes."""
        ...
