"""Staged roll-out, decided on the phone."""

from hypothesis import given
from hypothesis import strategies as st

from sayso.update.core.rollout import COHORTS, cohort, is_offered

SECRETS = [number.to_bytes(32, "big") for number in range(4000)]


@given(st.binary(min_size=32, max_size=32), st.integers(0, COHORTS), st.integers(0, COHORTS))
def test_a_greater_share_never_takes_a_phone_out(secret: bytes, one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert not is_offered(secret, "1.0.0", low) or is_offered(secret, "1.0.0", high)


def test_nobody_and_everybody() -> None:
    assert not any(is_offered(secret, "1.0.0", 0) for secret in SECRETS)
    assert all(is_offered(secret, "1.0.0", COHORTS) for secret in SECRETS)


def test_a_share_is_that_share_of_the_phones() -> None:
    taken = sum(is_offered(secret, "1.0.0", 1000) for secret in SECRETS)
    assert 300 < taken < 500  # of 4,000; a tenth is 400, and six deviations are 114


def test_it_is_not_always_the_same_people_who_try_first() -> None:
    first = {secret for secret in SECRETS if is_offered(secret, "1.0.0", 1000)}
    second = {secret for secret in SECRETS if is_offered(secret, "1.1.0", 1000)}
    assert len(first & second) < len(first) / 2


def test_the_cohort_is_what_it_always_was() -> None:
    """A changed formula would move phones in the middle of a roll-out."""
    assert cohort(bytes(32), "1.0.0") == cohort(bytes(32), "1.0.0")
    assert 0 <= cohort(bytes(32), "1.0.0") < COHORTS
