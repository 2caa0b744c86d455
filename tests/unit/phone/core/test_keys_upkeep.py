"""When keys are made, published and destroyed."""

from hypothesis import given
from hypothesis import strategies as st

from sayso.phone.core.keys_upkeep import OwnEnvelopeKey, due, elapsed
from sayso.protocol.limits import DAY, HOUR, LIMITS

NOW = 1_800_000_000.0


def key(key_id: int, age_s: float) -> OwnEnvelopeKey:
    return OwnEnvelopeKey(line=bytes(16), key_id=key_id, created=int(NOW - age_s), private=bytes(96))


def plan(**changes: object):  # type: ignore[no-untyped-def]  # noqa: ANN201  the Upkeep under test
    facts = {"now": NOW, "one_time_left": 50, "fallback_at": NOW, "certificate_at": NOW, "envelope_keys": [key(1, 0)]}
    return due(**(facts | changes))  # type: ignore[arg-type]  # facts by name


def test_nothing_is_due_for_fresh_keys() -> None:
    fresh = plan()
    assert (fresh.one_time_keys, fresh.fallback, fresh.envelope_key, fresh.destroy, fresh.certificate) == (
        0,
        False,
        False,
        (),
        False,
    )


def test_one_time_keys_are_refilled_below_twenty() -> None:
    assert plan(one_time_left=20).one_time_keys == 0
    assert plan(one_time_left=19).one_time_keys == 31
    assert plan(one_time_left=0).one_time_keys == 50


def test_a_fallback_key_turns_after_ten_days() -> None:
    assert not plan(fallback_at=NOW - 10 * DAY + 1).fallback
    assert plan(fallback_at=NOW - 10 * DAY).fallback
    assert plan(fallback_at=0.0).fallback


def test_an_envelope_key_turns_after_two_days() -> None:
    assert not plan(envelope_keys=[key(1, 2 * DAY - 1)]).envelope_key
    assert plan(envelope_keys=[key(1, 2 * DAY)]).envelope_key
    assert plan(envelope_keys=[]).envelope_key


def test_the_private_half_goes_after_fourteen_days_but_never_the_newest() -> None:
    keys = [key(3, 0), key(2, 14 * DAY), key(1, 14 * DAY + 1)]
    assert plan(envelope_keys=keys).destroy == (1,)
    assert plan(envelope_keys=[key(1, 20 * DAY)]).destroy == ()


def test_the_certificate_is_renewed_after_twelve_hours() -> None:
    assert not plan(certificate_at=NOW - 12 * HOUR + 1).certificate
    assert plan(certificate_at=NOW - 12 * HOUR).certificate


def test_a_clock_that_was_set_back_makes_everything_due() -> None:
    assert plan(fallback_at=NOW + DAY).fallback
    assert plan(certificate_at=NOW + DAY).certificate
    assert plan(envelope_keys=[key(1, -DAY)]).envelope_key
    assert elapsed(NOW + 1, NOW) == float("inf")


@given(st.lists(st.floats(0, 30 * DAY), max_size=20))
def test_a_key_that_senders_may_still_use_is_never_destroyed(ages: list[float]) -> None:
    """A sender seals to a key of at most 7 days, and the envelope waits at most 7 more."""
    keys = [key(number, age) for number, age in enumerate(ages)]
    destroyed = plan(envelope_keys=keys).destroy
    for one in keys:
        if NOW - one.created <= LIMITS.envelope_key_accept_s + LIMITS.ttl_max_s:
            assert one.key_id not in destroyed
