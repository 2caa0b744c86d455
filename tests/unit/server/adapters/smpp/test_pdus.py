"""PDUs, written and read."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.protocol.numbers import PhoneNumber
from sayso.server.adapters.smpp.pdus import (
    MAX_PDU_BYTES,
    Command,
    Framer,
    Pdu,
    Receipt,
    ReceiptState,
    Status,
    bind_transceiver,
    encode,
    read_message_id,
    read_receipt,
    submit_sm,
)
from sayso.server.errors import PduError, SmsNotTakenError

NUMBER = PhoneNumber("+447700900123")
DELIVERED = b"id:abc-1 sub:001 dlvrd:001 submit date:2611220800 done date:2611220801 stat:DELIVRD err:000 text:x"


def delivery(text: bytes, *, esm_class: int = 4, parameters: bytes = b"") -> Pdu:
    """A `deliver_sm` (§4.6.1)."""
    body = b"\0" + b"\1\1447700900123\0" + b"\5\0Sayso\0" + bytes([esm_class, 0, 0]) + b"\0\0"
    body += bytes([0, 0, 0, 0, len(text)]) + text + parameters
    return Pdu(Command.DELIVER_SM, 0, 1, body)


def parameter(tag: int, value: bytes) -> bytes:
    return struct.pack(">HH", tag, len(value)) + value


def test_a_bind_says_version_3_4() -> None:
    data = bind_transceiver(7, system_id="sayso", password="secret", system_type="")
    assert data == struct.pack(">IIII", len(data), 9, 0, 7) + b"sayso\0secret\0\0\x34\0\0\0"


def test_a_submit_is_what_the_specification_says() -> None:
    data = submit_sm(9, NUMBER, "code: 1", sender="Sayso", validity_s=600.9)
    body = (
        b"\0\5\0Sayso\0\1\x01447700900123\0"  # service_type, source, destination
        b"\0\0\0\x00000000001000000R\0"  # esm_class, protocol_id, priority, schedule, validity: ten minutes
        b"\1\0\0\0\x07code: 1"  # registered_delivery, replace, data_coding, default message, text
    )
    assert data == struct.pack(">IIII", 16 + len(body), 4, 0, 9) + body


@pytest.mark.parametrize(
    ("sender", "address"),
    [("+12025550100", b"\1\x0112025550100\0"), ("72976", b"\0\x0172976\0"), ("Sayso", b"\5\0Sayso\0")],
)
def test_the_sender_is_typed(sender: str, address: bytes) -> None:
    assert submit_sm(1, NUMBER, "x", sender=sender, validity_s=60)[17:].startswith(address)


@pytest.mark.parametrize(
    ("text", "coding", "raw"),
    [
        ("@£[€", 0, b"\x00\x01\x1b\x3c\x1b\x65"),
        ("я", 8, "я".encode("utf-16-be")),
        ("🔑", 8, "🔑".encode("utf-16-be")),
    ],
)
def test_the_alphabet_is_gsm_7_where_it_can_be(text: str, coding: int, raw: bytes) -> None:
    data = submit_sm(1, NUMBER, text, sender="Sayso", validity_s=60)
    assert data.endswith(bytes([coding, 0, len(raw)]) + raw)


@pytest.mark.parametrize("text", ["", "x" * 161, "[" * 81, "я" * 71, "\udc00"])
def test_what_is_no_single_sms_is_refused(text: str) -> None:
    with pytest.raises(SmsNotTakenError, match="one SMS"):
        submit_sm(1, NUMBER, text, sender="Sayso", validity_s=60)


def test_an_expired_code_is_not_valid_for_ever() -> None:
    """An empty validity_period would be the SMSC's default: days."""
    assert b"000000000001000R" in submit_sm(1, NUMBER, "x", sender="Sayso", validity_s=-5)


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.binary(max_size=60)), max_size=8), st.data())
def test_a_stream_is_cut_the_same_however_it_comes(parts: list[tuple[int, bytes]], data: st.DataObject) -> None:
    stream = b"".join(encode(command, 5, body=body) for command, body in parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    framer, found = Framer(), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += framer.feed(stream[start:end])
    assert [(pdu.command, pdu.body) for pdu in found] == parts


@pytest.mark.parametrize("length", [0, 5, 15, MAX_PDU_BYTES + 1, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_length_that_lies_ends_the_stream(length: int) -> None:
    with pytest.raises(PduError, match="command_length"):
        Framer().feed(struct.pack(">IIII", length, Command.SUBMIT_SM_RESP, 0, 1))


def test_its_repr_shows_no_body() -> None:
    assert "7700" not in repr(delivery(DELIVERED))


def test_a_receipt_in_the_text() -> None:
    assert read_receipt(delivery(DELIVERED)) == Receipt("abc-1", ReceiptState.DELIVERED)


@pytest.mark.parametrize(
    ("stat", "state"),
    [
        (b"DELIVRD", ReceiptState.DELIVERED),
        (b"delivrd", ReceiptState.DELIVERED),
        (b"UNDELIV", ReceiptState.FAILED),
        (b"EXPIRED", ReceiptState.FAILED),
        (b"REJECTD", ReceiptState.FAILED),
        (b"DELETED", ReceiptState.FAILED),
        (b"ACCEPTD", ReceiptState.UNDER_WAY),
        (b"ENROUTE", ReceiptState.UNDER_WAY),
        (b"UNKNOWN", ReceiptState.UNDER_WAY),
    ],
)
def test_its_state(stat: bytes, state: ReceiptState) -> None:
    found = read_receipt(delivery(b"id:1 stat:" + stat))
    assert found is not None
    assert found.state == state


def test_a_receipt_in_parameters() -> None:
    parameters = parameter(0x001E, b"77\0") + parameter(0x0427, b"\x05") + parameter(0x1400, b"\xff\xfe")
    assert read_receipt(delivery(b"", parameters=parameters)) == Receipt("77", ReceiptState.FAILED)
    both = parameter(0x001E, b"77\0") + parameter(0x0424, DELIVERED)
    assert read_receipt(delivery(b"", parameters=both)) == Receipt("77", ReceiptState.DELIVERED)


def test_what_a_person_sends_is_no_receipt() -> None:
    assert read_receipt(delivery(b"id:1 stat:DELIVRD", esm_class=0)) is None
    assert read_receipt(delivery(b"id:1 stat:DELIVRD", esm_class=0x40)) is None


@pytest.mark.parametrize("text", [b"", b"stat:DELIVRD", b"id: stat:DELIVRD"[:3]])
def test_a_receipt_of_nothing_is_refused(text: bytes) -> None:
    with pytest.raises(PduError, match="without a message id"):
        read_receipt(delivery(text))


def test_cut_anywhere_it_is_refused_or_nothing() -> None:
    whole = delivery(DELIVERED, parameters=parameter(0x0427, b"\x02")).body
    for end in range(len(whole)):
        pdu = Pdu(Command.DELIVER_SM, 0, 1, whole[:end])
        if end == len(whole) - 5:
            # Right after the text: without its parameters it is whole.
            assert read_receipt(pdu) == Receipt("abc-1", ReceiptState.DELIVERED)
            continue
        with pytest.raises(PduError):
            read_receipt(pdu)


def test_message_ids() -> None:
    assert read_message_id(Pdu(Command.SUBMIT_SM_RESP, 0, 1, b"abc\0")) == "abc"
    assert read_message_id(Pdu(Command.SUBMIT_SM_RESP, Status.RTHROTTLED, 1, b"")) == ""
    for body in (b"abc", b"\x07\0", b"\xff\0", b"x" * 65 + b"\0"):
        with pytest.raises(PduError):
            read_message_id(Pdu(Command.SUBMIT_SM_RESP, 0, 1, body))
