"""The VOPRF key at work, as the services see it."""

from collections.abc import Sequence
from typing import Protocol


class Evaluator(Protocol):
    """Evaluates blinded elements, away from the event loop."""

    async def evaluate(self, elements: Sequence[bytes]) -> bytes:
        """Evaluate a batch under the current epoch's key.

        Args:
            elements: blinded elements, 32 bytes each, at least one.

        Returns:
            The proof (64 bytes) ‖ the evaluated elements (32 bytes each).

        Raises:
            DiscoveryError: an element is none.
            ServerError: no worker is there to do it.
        """
        ...
