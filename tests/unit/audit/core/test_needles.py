"""What the matchers look for."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from sayso.audit.core.forms import Edge
from sayso.audit.core.forms.form import byte_form, text_form
from sayso.audit.core.needles import (
    Kind,
    base58,
    binary_needles,
    other_codings,
    steps,
    text_needles,
    to_standard,
    triggers,
    xor_needles,
)

FORM = text_form("plain", "490154203237518", Edge.DIGIT, hashed=2)


@given(st.binary(max_size=9), st.binary(min_size=4, max_size=30), st.binary(max_size=9))
def test_a_trigger_lies_in_every_base64_of_the_value(before: bytes, value: bytes, after: bytes) -> None:
    encoded = base64.b64encode(before + value + after)
    pattern, lead = list(triggers(value))[len(before) % 3]
    at = encoded.find(pattern)
    assert at >= 0
    assert any((place - lead) % 4 == 0 for place in range(len(encoded)) if encoded.startswith(pattern, place))


@given(st.binary(max_size=60), st.integers(0, 255))
def test_steps_do_not_know_the_key(data: bytes, key: int) -> None:
    assert steps(bytes(byte ^ key for byte in data)) == steps(data)


def test_base58_of_a_published_vector() -> None:
    assert base58(b"Hello World!") == b"2NEpo7TZRRrLZSi2U"


def test_other_codings() -> None:
    made = dict(other_codings(b"ab1"))
    assert made["rot13"] == b"no1"
    assert made["hex.spaced"] == b"61 62 31"
    assert made["codes"] == b"97, 98, 49"


def test_what_patterns_mean() -> None:
    needles = text_needles([[FORM]])
    kinds = {target.kind for several in needles.targets for target in several}
    assert kinds == {Kind.FORM, Kind.TRIGGER, Kind.WRAPPED}
    assert FORM.data in needles.patterns


def test_two_seeds_may_share_a_pattern() -> None:
    needles = text_needles([[FORM], [FORM]])
    place = needles.patterns.index(FORM.data)
    assert [target.seed for target in needles.targets[place]] == [0, 1]


def test_bytes_and_raw_digests() -> None:
    needles = binary_needles([[FORM, byte_form("bytes", b"\x01\x02\x03\x04\x05\x06")]])
    kinds = [target.kind for several in needles.targets for target in several]
    assert kinds.count(Kind.FORM) == 1
    assert kinds.count(Kind.DIGEST) > 5


def test_patterns_of_padding_are_not_looked_for() -> None:
    assert xor_needles([[text_form("plain", "aaaaaaaaaaaa", Edge.NONE, hashed=2)]]).patterns == []
    assert xor_needles([[FORM]]).patterns == [steps(FORM.data)]


def test_alphabets_map_back() -> None:
    assert to_standard("") is None
    table = to_standard("base64.lower-first")
    assert table is not None
    assert b"aA0".translate(table) == b"Aa0"
