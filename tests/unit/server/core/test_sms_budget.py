"""Buckets, and the breaker."""

from hypothesis import given
from hypothesis import strategies as st

from sayso.server.core.sms_budget import Bucket, BucketCharge, BucketKey, Decision, bucket_key, give_back, spend
from sayso.server.core.sms_caps import Cap, Charge

NOW = 1000.0
HOUR = 3600.0
SIMPLE = Cap(name="simple", budget=3, per_hour=3)
BREAKER = Cap(name="breaker", budget=4, per_hour=4, unconfirmed=True, pause_s=HOUR)


class Purse:
    """Buckets that are kept as a store keeps them."""

    def __init__(self, *caps: Cap) -> None:
        self.charges = [BucketCharge(key=bucket_key(b"k" * 32, Charge(cap=cap, of="x")), cap=cap) for cap in caps]
        self.held: dict[BucketKey, Bucket] = {}

    def ask(self, now: float) -> Decision:
        decision = spend(self.held, self.charges, now=now)
        self.held |= decision.changed
        return decision

    def sent(self, count: int, now: float) -> int:
        """How many of `count` may be sent."""
        return sum(self.ask(now).full is None for _ in range(count))

    def back(self, now: float) -> None:
        self.held = {key: give_back(bucket, now=now) for key, bucket in self.held.items()}


def test_the_budget_can_be_spent_at_once_and_not_a_unit_more() -> None:
    purse = Purse(SIMPLE)
    assert purse.sent(10, NOW) == 3
    assert purse.ask(NOW).full == SIMPLE


def test_it_comes_back_with_time() -> None:
    purse = Purse(SIMPLE)
    purse.sent(3, NOW)
    assert purse.sent(5, NOW + HOUR / 3) == 1
    assert purse.sent(5, NOW + 24 * HOUR) == 3


def test_time_that_runs_backwards_gives_nothing_back() -> None:
    purse = Purse(SIMPLE)
    purse.sent(3, NOW)
    assert purse.sent(1, NOW - 10 * HOUR) == 0


def test_one_full_bucket_costs_the_others_nothing() -> None:
    wide = Cap(name="wide", budget=100, per_hour=100)
    purse = Purse(wide, SIMPLE)
    assert purse.sent(50, NOW) == 3
    assert {round(bucket.level) for bucket in purse.held.values()} == {3}


def test_a_budget_of_nothing_sends_nothing_and_keeps_nothing() -> None:
    closed = Cap(name="closed", budget=0, per_hour=0, unconfirmed=True, pause_s=HOUR)
    purse = Purse(closed)
    assert purse.ask(NOW).full == closed
    assert not purse.ask(NOW).tripped
    assert purse.held == {}


def test_the_breaker_trips_once_and_stays_shut_for_its_pause() -> None:
    purse = Purse(BREAKER)
    assert purse.sent(4, NOW) == 4
    assert purse.ask(NOW).tripped
    assert not purse.ask(NOW + 1).tripped
    # A plain bucket would have let three through by now.
    assert purse.sent(10, NOW + 0.9 * HOUR) == 0
    assert purse.sent(10, NOW + HOUR + 1) == 4


def test_asking_on_does_not_keep_the_breaker_shut_for_longer() -> None:
    purse = Purse(BREAKER)
    purse.sent(5, NOW)
    for minute in range(60):
        purse.ask(NOW + 60 * minute)
    assert purse.ask(NOW + HOUR + 1).full is None


def test_confirmed_codes_keep_the_breaker_from_tripping() -> None:
    purse = Purse(BREAKER)
    for _ in range(100):
        assert purse.ask(NOW).full is None
        purse.back(NOW)


def test_confirmations_open_a_breaker_that_tripped_too_early() -> None:
    purse = Purse(BREAKER)
    purse.sent(5, NOW)
    purse.back(NOW)
    purse.back(NOW)
    assert purse.ask(NOW).full is not None
    purse.back(NOW)
    assert purse.ask(NOW).full is None


def test_what_is_given_back_never_makes_more_than_the_budget() -> None:
    purse = Purse(SIMPLE)
    purse.sent(1, NOW)
    for _ in range(10):
        purse.back(NOW)
    assert purse.sent(10, NOW) == 3


def test_an_empty_bucket_says_when_it_is_forgotten() -> None:
    purse = Purse(SIMPLE)
    purse.sent(3, NOW)
    [bucket] = purse.held.values()
    assert round(bucket.empty_at - NOW) == HOUR
    breaker = Purse(BREAKER)
    breaker.sent(5, NOW)
    [bucket] = breaker.held.values()
    assert bucket.empty_at >= NOW + HOUR


def test_keys_differ_by_cap_owner_and_secret() -> None:
    charges = [Charge(cap=cap, of=of) for cap in (SIMPLE, BREAKER) for of in ("", "GB", "+447700900")]
    keys = {bucket_key(secret, charge) for secret in (b"a" * 32, b"b" * 32) for charge in charges}
    assert len(keys) == 12
    assert {len(key) for key in keys} == {16}
    # No separator can be forged: names of caps are ours and hold no NUL.
    assert all("\0" not in charge.cap.name for charge in charges)


@given(
    cap=st.builds(
        Cap,
        name=st.just("any"),
        budget=st.integers(1, 30),
        per_hour=st.integers(1, 60),
        unconfirmed=st.just(True),
        pause_s=st.sampled_from([0.0, 600.0, HOUR]),
    ),
    steps=st.lists(st.tuples(st.floats(0, 1200), st.booleans()), max_size=200),
)
def test_no_history_sends_more_than_budget_refill_and_confirmations(cap: Cap, steps: list[tuple[float, bool]]) -> None:
    purse, now, sent, confirmed = Purse(cap), NOW, 0, 0
    for wait, confirms in steps:
        now += wait
        if purse.ask(now).full is None:
            sent += 1
            if confirms:
                purse.back(now)
                confirmed += 1
        assert sent <= cap.budget + (now - NOW) * cap.per_second + confirmed + 1e-3
        assert all(0 <= bucket.level <= cap.budget + 1e-3 for bucket in purse.held.values())
