"""Counts what is logged, by kind: the counters of the metrics, for the price of a dictionary look-up."""

from collections import Counter
from collections.abc import Mapping, MutableMapping
from typing import Any


class EventCounts:
    """A structlog processor that counts events as they are about to be written, after the allow-list."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Count one event and pass it on."""
        self._counts[str(event["event"])] += 1
        return event

    def counts(self) -> Mapping[str, int]:
        """Return how often each kind was logged."""
        return dict(self._counts)
