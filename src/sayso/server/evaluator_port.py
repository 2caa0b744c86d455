"""The VOPRF key at work, as the services see it."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class Evaluator(Protocol):
    """Evaluates blinded elements, away from the event loop."""

    async def evaluate(self, epoch: int, elements: Sequence[bytes]) -> bytes:
        """Evaluate a batch under the key of a live epoch.

        Args:
            epoch: whose key.
            elements: blinded elements, 32 bytes each, at least one.

        Returns:
            The proof (64 bytes) ‖ the evaluated elements (32 bytes each).

        Raises:
            DiscoveryError: an element is none.
            ServerError: no worker is there to do it.
        """
        ...


class EvaluatorKeys(Protocol):
    """The keys that an evaluator works with."""

    async def use(self, keys: Mapping[int, bytes]) -> None:
        """Take other keys: seeds of 32 bytes by epoch. The ones that are not among them are gone when this returns."""
        ...
