"""Hostile bytes for the modem protocol: ModemProtocolError or frames, nothing else, however the bytes are cut."""

import struct
from collections.abc import Iterator

from sayso.protocol.modem import (
    AskSent,
    Attach,
    Coverage,
    DeleteSms,
    ListSms,
    ModemError,
    ModemFrame,
    ModemFramer,
    ModemProtocolError,
    PhoneFrame,
    SendSms,
    SentStatus,
    SimState,
    SmsAccepted,
    SmsReceived,
    SmsRejected,
    SmsReport,
    encode,
    modem_side_framer,
    phone_side_framer,
)


def fuzz_one(data: bytes) -> None:
    """Read `data` as a phone and as a modem would: as it comes, in two pieces, and as the body of one frame."""
    body = struct.pack(">I", len(data)) + data
    cut = data[0] % len(data) if data else 0
    for stream in ((data,), (data[:cut], data[cut:]), (body,)):
        _read(modem_side_framer(), iter(stream))
        _read(phone_side_framer(), iter(stream))


def _read(framer: ModemFramer[PhoneFrame] | ModemFramer[ModemFrame], stream: Iterator[bytes]) -> None:
    frames: list[PhoneFrame | ModemFrame] = []
    try:
        for piece in stream:
            frames += framer.feed(piece)
        framer.end()
    except ModemProtocolError:
        pass
    for frame in frames:
        # What was read can be sent on: the decoder took nothing that the encoder's check refuses.
        encode(frame)


def seeds() -> list[bytes]:
    """Return whole frames of both directions to start from, numbers from the ranges for fiction."""
    to_modem: list[PhoneFrame] = [
        Attach(1),
        SendSms(1, "+447700900123", "hello", delivery_report=True),
        ListSms(),
        DeleteSms(1),
        AskSent(1),
    ]
    to_phone: list[ModemFrame] = [
        SimState(True, False, "001010000000001", "8988303000000000001", "+447700900123", "000000000000000", "Demo"),
        Coverage(registered=True),
        SmsReceived(1, "+447700900124", "hello", 1_790_000_000, 1),
        SmsAccepted(1),
        SmsRejected(1, "no-sim"),
        SmsReport(1, delivered=True),
        SentStatus(1, "sent"),
        ModemError("version", "another version"),
    ]
    whole = [encode(frame) for frame in (*to_modem, *to_phone)]
    hostile = [
        b"\xff\xff\xff\xff",  # a length of four gigabytes
        b"\x00\x00\x00\x00",
        b"\x95\xa4send\x01\xa1\xff\xa0\xc2",  # a number that is no UTF-8
        b"\x92\xa4list" + b"\x91" * 2000,
        b"\x96\xa8received\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xa1a\xa0\x00\x01",  # an index above 2^63
        b"\x92\xa6attach\xd6\xff\xff\xff\xff\xff",  # a time stamp
    ]
    return [*whole, *(one[4:] for one in whole), whole[0] + whole[1], *hostile]
