"""Hostile bytes of an SMSC: events and answers, nothing else, however the bytes are cut."""

import struct
from contextlib import suppress

from sayso.protocol.numbers import PhoneNumber
from sayso.server.adapters.smpp.pdus import HEADER, Command, Framer, Pdu, encode, read_message_id, read_receipt
from sayso.server.adapters.smpp.session import Login, Session, State, Timing
from sayso.server.errors import PduError

_LOGIN = Login(system_id="sayso", password="secret")
_NUMBER = PhoneNumber("+447700900123")
_BOUND = encode(Command.BIND_TRANSCEIVER_RESP, 1, body=b"smsc\0")


def fuzz_one(data: bytes) -> None:
    """Give `data` to a bound session, in two pieces, and to each reader as a body."""
    cut = data[0] % len(data) if data else 0
    _converse((data[:cut], data[cut:]))
    for command, read in ((Command.DELIVER_SM, read_receipt), (Command.SUBMIT_SM_RESP, read_message_id)):
        with suppress(PduError):
            read(Pdu(command, 0, 1, data))


def _converse(pieces: tuple[bytes, ...]) -> None:
    session = Session(_LOGIN, Timing(), now=0.0)
    session.receive(_BOUND, now=0.0)
    submit = session.submit(_NUMBER, "code: 1", sender="Sayso", validity_s=60.0, now=0.0)
    session.data_to_send()
    events = [event for piece in pieces for event in session.receive(piece, now=1.0)]
    # What it answers is SMPP again, whatever it was told.
    written = session.data_to_send()
    assert sum(HEADER.size + len(pdu.body) for pdu in Framer().feed(written)) == len(written)
    events += session.lost()
    assert session.state is State.CLOSED
    assert sum(getattr(event, "submit", None) == submit for event in events) == 1


def seeds() -> list[bytes]:
    """Return whole PDUs of an SMSC to start from, and known lies."""
    text = b"id:77 sub:001 dlvrd:001 submit date:2611220800 done date:2611220801 stat:DELIVRD err:000 text:x"
    parameters = struct.pack(">HH", 0x1E, 3) + b"77\0" + struct.pack(">HH", 0x427, 1) + b"\2"
    delivery = b"\0\1\x01447700900123\0\5\0Sayso\0\4\0\0\0\0\0\0\0\0" + bytes([len(text)]) + text + parameters
    whole = [
        encode(Command.SUBMIT_SM_RESP, 2, body=b"77\0"),
        encode(Command.SUBMIT_SM_RESP, 2, status=0x58),
        encode(Command.GENERIC_NACK, 2, status=3),
        encode(Command.DELIVER_SM, 9, body=delivery),
        encode(Command.ENQUIRE_LINK, 10),
        encode(Command.UNBIND, 11),
    ]
    lies = [
        struct.pack(">IIII", length, Command.SUBMIT_SM_RESP, 0, 2) for length in (0, 5, 15, 17, 0x7FFFFFFF, 0xFFFFFFFF)
    ]
    return [*whole, delivery, b"".join(whole), *lies, *(whole[0] + lie for lie in lies)]
