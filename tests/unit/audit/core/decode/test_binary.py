"""Leaves of binary containers."""

import cbor2
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.audit.core.decode import binary
from sayso.audit.core.forms.form import varint


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def found(view: bytes) -> set[tuple[str, bytes]]:
    return {(step, line) for step, data in binary.containers(view) for line in data.split(b"\n")}


NUMBER = varint(1 << 3) + varint(490154203237518)


def test_numbers_and_strings_of_nested_messages() -> None:
    view = field(1, field(3, b"a text") + NUMBER)
    assert {("protobuf", b"a text"), ("protobuf", b"490154203237518")} <= found(view)


def test_fixed_numbers() -> None:
    view = (
        varint(4 << 3 | 1)
        + (490154203237518).to_bytes(8, "little")
        + varint(5 << 3 | 5)
        + (7700900).to_bytes(4, "little")
    )
    assert {("protobuf", b"490154203237518"), ("protobuf", b"7700900")} <= found(view)


def test_blobs_are_kept_whole() -> None:
    blob = b"\x1f\x8b\x08\x00\xff\xff\xff\xff\xff\xff"
    assert ("protobuf", blob) in found(field(2, blob))


def test_a_grpc_frame_and_a_message_behind_its_length() -> None:
    message = field(1, b"inside")
    assert ("grpc", b"inside") in found(b"\x00" + len(message).to_bytes(4) + message)
    assert ("protobuf", b"inside") in found(varint(len(message)) + message)


@pytest.mark.parametrize(
    ("name", "view"),
    [
        ("msgpack", msgspec.msgpack.encode({"id": 490154203237518, "deep": [{"b": b"\xff" * 9, "t": "text"}, 1.5]})),
        ("cbor", cbor2.dumps({"id": 490154203237518, "deep": [{"b": b"\xff" * 9, "t": "text"}, 1.5]})),
        ("cbor", cbor2.dumps(cbor2.CBORTag(55799, {"id": 490154203237518, "t": "text", "b": b"\xff" * 9, "f": 1.5}))),
    ],
)
def test_leaves_of_messagepack_and_cbor(name: str, view: bytes) -> None:
    assert {(name, b"490154203237518"), (name, b"text"), (name, b"\xff" * 9), (name, b"1.5")} <= found(view)


def test_a_lie_about_a_length_ends_it() -> None:
    assert found(varint(1 << 3 | 2) + varint(1 << 40) + b"short") == set()


def test_nesting_without_end_is_bounded() -> None:
    view = b"\x00"
    for _ in range(2_000):
        view = field(1, view)
    list(binary.containers(view))
    list(binary.containers(b"\x91" * 100_000))
    list(binary.containers(b"\x81" * 100_000))


@given(st.binary(max_size=200))
def test_whatever_comes_nothing_is_raised(data: bytes) -> None:
    list(binary.containers(data))
