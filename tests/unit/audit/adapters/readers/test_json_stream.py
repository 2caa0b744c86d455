"""Elements of a long array, whatever their strings hold."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.audit.adapters.readers.json_stream import ElementError, elements

TEXTS = st.text(st.sampled_from('ab"\\{}[],:\n'), max_size=12)
VALUES = st.recursive(
    TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8
)


def read_all(document: bytes, piece: int) -> list[bytes]:
    at = iter(range(0, len(document), piece))
    return list(
        elements(lambda _: document[start : start + piece] if (start := next(at, None)) is not None else b"", b'"e"')
    )


@given(st.lists(VALUES.map(lambda one: {"x": one}), max_size=4), st.integers(0, 3), st.sampled_from([1, 7, 4096]))
def test_each_element_is_given_as_it_stands(several: list[object], wraps: int, piece: int) -> None:
    """JSON in a string has its quotes behind one backslash, in a string of a string behind three, then seven."""
    for _ in range(wraps):
        several = [{"x": json.dumps(one)} for one in several]
    document = json.dumps({"e": several}).encode()
    assert read_all(document, piece) == [json.dumps(one).encode() for one in several]


@pytest.mark.parametrize("tail", ["", '"', '"\\', '"\\"', '{"a":"\\\\'])
def test_what_breaks_off_is_told(tail: str) -> None:
    with pytest.raises(ElementError, match="breaks off"):
        read_all(b'{"e":[{"a":1},' + tail.encode(), 4096)
