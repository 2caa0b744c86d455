"""Counting what is logged."""

from sayso.server.services.event_counts import EventCounts


def test_events_are_counted_by_kind_and_passed_on() -> None:
    counts = EventCounts()
    said = {"event": "enrolled", "replaced": 1}
    assert counts(None, "info", said) is said
    counts(None, "info", {"event": "enrolled", "replaced": 0})
    counts(None, "error", {"event": "request broke"})
    assert counts.counts() == {"enrolled": 2, "request broke": 1}
