"""Lease and expiry."""

from hypothesis import given
from hypothesis import strategies as st

from sayso.protocol.limits import DAY, HOUR
from sayso.server.core.lease import lapse_of_expired, lapsed, lease_from


@given(st.floats(0, 1e9))
def test_a_lease_lasts_72_hours_and_an_enrolment_28_days(now: float) -> None:
    ends = lease_from(now)
    assert ends == now + 72 * HOUR
    assert not lapsed(ends, ends - 1)
    assert lapsed(ends, ends)
    assert ends > lapse_of_expired(now + 28 * DAY - 1)
    assert ends <= lapse_of_expired(now + 28 * DAY + 1)
