"""Bodies, decoded strictly."""

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.protocol import api
from sayso.protocol.api import ProblemType
from sayso.server.adapters.control import bodies
from sayso.server.adapters.control.bodies import Body
from sayso.server.adapters.control.operations import SIGNED
from sayso.server.errors import Refused

ALL: list[Body[msgspec.Struct]] = [value for value in vars(bodies).values() if isinstance(value, Body)]


def test_every_path_has_its_decoder() -> None:
    assert {body.struct for body in ALL} == {operation.body for operation in SIGNED}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{} {}",
        b'{"grant_hash": 7}',
        b'{"grant_hash": "Z2c="}',
        b'{"grant_hash": "Z2dnZ2dnZ2dnZ2dnZ2dnZ2dnZ2dnZ2dnZ2dnZ2dnZ2c=", "more": 1}',
        b'{"grant_hash": "Z2dnZ2dnZ2dnZ2dnZ2dnZ2dnZ2dnZ2dnZ2dnZ2dnZ2c"}',
        b'{"grant_hash": "\xff"}',
        b"[" * 100_000,
    ],
)
def test_what_is_not_exactly_a_body_is_malformed(raw: bytes) -> None:
    with pytest.raises(Refused) as refused:
        bodies.SET_GRANT.read(raw)
    assert refused.value.problem is ProblemType.MALFORMED


def test_numbers_are_no_text_and_text_is_no_number() -> None:
    for epoch in ('"5"', "5.0", "true", "-1", "256"):
        with pytest.raises(Refused):
            bodies.EVALUATE.read(b'{"epoch": ' + epoch.encode() + b', "elements": ["' + b"A" * 43 + b'="]}')


def test_a_code_is_six_ascii_digits_and_nothing_after() -> None:
    body = b'{"id": "AAAAAAAAAAAAAAAAAAAAAA==", "code": "%s"}'
    assert bodies.CONFIRM.read(body % b"012345").code == "012345"
    for code in (b"12345", b"1234567", b"12345a", b"012345\\n", "٠١٢٣٤٥".encode()):
        with pytest.raises(Refused):
            bodies.CONFIRM.read(body % code)


@given(st.binary(max_size=200))
def test_bytes_are_a_body_or_refused(raw: bytes) -> None:
    for body in ALL:
        with contextlib.suppress(Refused):
            assert isinstance(body.read(raw), body.struct)


def test_a_refusal_does_not_repeat_what_was_sent() -> None:
    with pytest.raises(Refused) as refused:
        bodies.EMPTY.read(b'{"planted-7f3a": 1}')
    assert "planted" not in refused.value.detail
    assert isinstance(bodies.EMPTY.read(b" {} "), api.Empty)
