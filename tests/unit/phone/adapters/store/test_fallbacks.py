"""Policies: a conversation's own, the line's, the one at first."""

from sayso.phone.core.fallback import AT_FIRST, Policy, When
from tests.unit.phone.adapters.store.test_texts import BOB, LINE, store_with_line

NEVER = Policy(undelivered=When.NEVER, unreachable=When.NEVER)
SOON = Policy(undelivered=When.AFTER, undelivered_after_s=60, unreachable=When.AFTER, unreachable_after_s=120)


def test_the_nearest_choice_holds() -> None:
    store = store_with_line()
    assert store.fallbacks.get(LINE, BOB) == store.fallbacks.get(LINE, None) == AT_FIRST
    with store.transaction("test"):
        store.fallbacks.put(LINE, None, SOON)
    assert store.fallbacks.get(LINE, BOB) == SOON
    assert store.fallbacks.find(LINE, BOB) is None
    with store.transaction("test"):
        store.fallbacks.put(LINE, BOB, NEVER)
    assert store.fallbacks.get(LINE, BOB) == NEVER
    assert store.fallbacks.get(LINE, "+447700900103") == SOON
    with store.transaction("test"):
        store.fallbacks.put(LINE, BOB, None)
    assert store.fallbacks.get(LINE, BOB) == SOON
