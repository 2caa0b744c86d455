"""Overlaps: when they end, and until when the old key signs."""

from dataclasses import replace

from sayso.protocol.limits import DAY
from sayso.server.core.retiring import KeyKind, Retiring, begun, of_kind, remaining, signs_still

KEY = Retiring(kind=KeyKind.CERTIFICATE, number=0, key=b"secret key of 32 bytes..........")
NOW = 1000.0


def test_an_overlap_begins_when_the_server_runs_with_it_and_lasts_14_days() -> None:
    (one,) = begun([KEY], now=NOW)
    assert one.until == NOW + 14 * DAY
    assert begun([one], now=NOW + DAY) == [one], "it does not begin anew at the next start"


def test_it_is_over_at_its_end_and_not_before() -> None:
    (one,) = begun([KEY], now=NOW)
    assert remaining([one, KEY], now=NOW + 14 * DAY - 1) == [one, KEY]
    assert remaining([one, KEY], now=NOW + 14 * DAY) == [KEY], "one that has not begun does not end"


def test_the_old_key_signs_until_everybody_knows_the_new_one() -> None:
    (one,) = begun([KEY], now=NOW)
    assert signs_still(KEY, now=NOW)
    assert signs_still(one, now=NOW + DAY - 1)
    assert not signs_still(one, now=NOW + DAY)


def test_one_of_each_kind() -> None:
    other = replace(KEY, kind=KeyKind.VOPRF, number=4)
    assert of_kind([KEY, other], KeyKind.VOPRF) == other
    assert of_kind([KEY], KeyKind.VOPRF) is None


def test_a_key_is_in_no_repr() -> None:
    assert "secret" not in repr(KEY)
