"""Each envelope under its own key, each key under the hour's: nothing opens in another place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.protocol.ids import DeviceId, EnvelopeId
from sayso.server.adapters.mailbox.sealing import WRAP_BYTES, WrapKeys, open_body, seal
from sayso.server.errors import CorruptError
from sayso.server.ports import HourState

DEVICE = DeviceId(b"d" * 16)
EID = EnvelopeId(b"e" * 16)
KEY = b"k" * 32
OLD = HourState(generation=5, state=b"o" * 32)
NEW = HourState(generation=6, state=b"n" * 32)


@given(st.binary(max_size=4096), st.integers(0, 2**63 - 1))
def test_an_envelope_opens_where_it_was_put(envelope: bytes, seq: int) -> None:
    body = seal(envelope, KEY, device=DEVICE, envelope_id=EID, seq=seq)
    assert len(body) == len(envelope) + 16
    assert open_body(body, KEY, device=DEVICE, envelope_id=EID, seq=seq) == envelope


@pytest.mark.parametrize(
    ("key", "device", "eid", "seq"),
    [(b"x" * 32, DEVICE, EID, 1), (KEY, b"x" * 16, EID, 1), (KEY, DEVICE, b"x" * 16, 1), (KEY, DEVICE, EID, 2)],
)
def test_it_opens_nowhere_else(key: bytes, device: bytes, eid: bytes, seq: int) -> None:
    body = seal(b"text", KEY, device=DEVICE, envelope_id=EID, seq=1)
    with pytest.raises(CorruptError):
        open_body(body, key, device=device, envelope_id=eid, seq=seq)


def test_every_flipped_byte_is_noticed() -> None:
    body = seal(b"text", KEY, device=DEVICE, envelope_id=EID, seq=1)
    wrap = WrapKeys([OLD]).wrap(KEY, b"n" * 12, seq=1, envelope_id=EID)
    for place in range(len(body)):
        with pytest.raises(CorruptError):
            open_body(_flipped(body, place), KEY, device=DEVICE, envelope_id=EID, seq=1)
    for place in range(len(wrap)):
        with pytest.raises(CorruptError):
            WrapKeys([OLD]).unwrap(5, _flipped(wrap, place), seq=1, envelope_id=EID)
    with pytest.raises(CorruptError):
        open_body(b"", KEY, device=DEVICE, envelope_id=EID, seq=1)


def test_a_key_is_wrapped_under_the_newest_hour_and_old_wraps_open_while_both_are_held() -> None:
    old = WrapKeys([OLD]).wrap(KEY, b"n" * 12, seq=1, envelope_id=EID)
    both = WrapKeys([OLD, NEW])
    new = both.wrap(KEY, b"m" * 12, seq=1, envelope_id=EID)
    assert len(old) == len(new) == WRAP_BYTES
    assert both.newest_generation == 6
    assert both.unwrap(5, old, seq=1, envelope_id=EID) == both.unwrap(6, new, seq=1, envelope_id=EID) == KEY
    after = WrapKeys([NEW])
    assert (after.holds(5), after.holds(6)) == (False, True)
    assert after.unwrap(6, new, seq=1, envelope_id=EID) == KEY
    for generation in (5, 6):
        with pytest.raises(CorruptError):
            after.unwrap(generation, old, seq=1, envelope_id=EID)


@pytest.mark.parametrize(("seq", "eid"), [(2, EID), (1, b"x" * 16)])
def test_a_wrap_opens_for_its_envelope_only(seq: int, eid: bytes) -> None:
    keys = WrapKeys([OLD])
    wrap = keys.wrap(KEY, b"n" * 12, seq=1, envelope_id=EID)
    with pytest.raises(CorruptError):
        keys.unwrap(5, wrap, seq=seq, envelope_id=eid)


def _flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1 :]
