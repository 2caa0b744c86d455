"""tnetstrings: values found by their lengths, headers as pairs, and one error for whatever else stands there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.audit.adapters.readers.tnetstring import NetstringError, Node, nodes, spans


def packed(value: object) -> bytes:
    """Write a value as mitmproxy does."""
    if isinstance(value, list):
        content, kind = b"".join(map(packed, value)), b"]"
    elif isinstance(value, dict):
        content, kind = b"".join(packed(name) + packed(one) for name, one in value.items()), b"}"
    elif isinstance(value, str):
        content, kind = value.encode(), b";"
    else:
        content, kind = bytes(value) if isinstance(value, bytes) else b"", b"," if isinstance(value, bytes) else b"~"
    return b"%d:%s%s" % (len(content), content, kind)


def only(value: object) -> Node:
    """Read one value back."""
    buffer = packed(value)
    (node,) = nodes(buffer, 0, len(buffer))
    return node


@given(st.lists(st.tuples(st.binary(max_size=20), st.text(max_size=20))))
def test_pairs_are_what_the_nodes_of_a_list_of_pairs_hold(headers: list[tuple[bytes, str]]) -> None:
    node = only([list(pair) for pair in headers])
    assert node.pairs() == [(name, value.encode()) for name, value in headers]
    assert node.pairs() == [(one.items()[0].octets(), one.items()[1].octets()) for one in node.items()]


def test_what_is_no_pair_is_passed_over_and_what_is_no_text_is_empty() -> None:
    assert only([[b"alone"], [b"a", b"b", b"c"], b"text", [None, b"value"], [b"name", None]]).pairs() == [
        (b"", b"value"),
        (b"name", b""),
    ]
    assert only(b"text").pairs() == []


def test_members_are_found_by_name() -> None:
    members = only({"host": "a.example", "port": None}).members()
    assert members[b"host"].text() == "a.example"
    assert members[b"port"].octets() == b""
    assert only(b"text").members() == {}


@pytest.mark.parametrize(
    "buffer",
    [
        b"x",
        b":,",
        b"+1:a,",
        b" 1:a,",
        b"1_0:0123456789,",
        b"\xc2\xb2:ab,",
        b"1:a",
        b"2:a,",
        b"9999999999999:a,",
        b"1:a,7",
    ],
)
def test_anything_else_is_refused(buffer: bytes) -> None:
    with pytest.raises(NetstringError):
        spans(buffer, 0, len(buffer))


def test_a_name_without_a_value_is_refused() -> None:
    with pytest.raises(NetstringError):
        only_of(b"4:1:a,}").members()


def only_of(buffer: bytes) -> Node:
    """Read one value of bytes as they are."""
    (node,) = nodes(buffer, 0, len(buffer))
    return node
