"""The safety number: the same on both phones, another one for any other key."""

from dataclasses import replace

from sayso.phone.core.safety import GROUPS, Side, safety_number

ALICE = Side(number="+447700900101", device=b"a" * 16, ed25519=b"b" * 32, curve25519=b"c" * 32)
BOB = Side(number="+447700900102", device=b"d" * 16, ed25519=b"e" * 32, curve25519=b"f" * 32)


def test_both_phones_show_the_same_digits() -> None:
    digits = safety_number(ALICE, BOB)
    assert digits == safety_number(BOB, ALICE)
    assert len(digits) == GROUPS
    assert all(len(group) == 5 and group.isascii() and group.isdecimal() for group in digits)


def test_any_other_key_device_or_number_shows() -> None:
    others = [
        replace(BOB, number="+447700900103"),
        replace(BOB, device=b"x" * 16),
        replace(BOB, ed25519=b"x" * 32),
        replace(BOB, curve25519=b"x" * 32),
    ]
    assert len({safety_number(ALICE, one) for one in [BOB, *others]}) == 5


def test_a_known_answer() -> None:
    """Two phones of different versions have to agree: this may never change within /1."""
    assert safety_number(ALICE, BOB)[:3] == KNOWN


KNOWN = ("34716", "77526", "86237")
