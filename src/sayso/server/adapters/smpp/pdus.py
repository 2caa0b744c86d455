"""PDUs of SMPP 3.4 ("SMPP Protocol Specification v3.4", issue 1.2): ours to bytes, the SMSC's bytes to records.

Of a `deliver_sm` only what a receipt needs is kept: addresses and texts are stepped over.
"""

import re
import struct
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from typing import Final

from aiosmpplib import NPI, TON, BindTransceiver, PhoneNumber, SubmitSm

from sayso.protocol import numbers
from sayso.server.adapters.sms_alphabet import fits_one_sms, is_gsm7
from sayso.server.errors import PduError, SmsNotTakenError

HEADER: Final = struct.Struct(">IIII")
"""command_length, command_id, command_status, sequence_number (§3.2)."""
MAX_PDU_BYTES: Final = 66_560
"""A `message_payload` of 64 KiB and what stands around it. More is a lie about the length."""
MAX_SEQUENCE: Final = 0x7FFFFFFF
_RESPONSE: Final = 0x80000000
_MAX_ID: Final = 64
_TLV: Final = struct.Struct(">HH")
_RECEIPTED_MESSAGE_ID: Final = 0x001E
_MESSAGE_PAYLOAD: Final = 0x0424
_MESSAGE_STATE: Final = 0x0427
_MESSAGE_TYPE: Final = 0b00111100
_DELIVERY_RECEIPT: Final = 0b00000100
_RECEIPT_ID: Final = re.compile(rb"\bid:\s*([!-~]{1,64})", re.IGNORECASE)
_RECEIPT_STAT: Final = re.compile(rb"\bstat:\s*([A-Z]{5,13})", re.IGNORECASE)


class Command(IntEnum):
    """command_id (§5.1.2.1), as far as we know it."""

    GENERIC_NACK = 0x80000000
    SUBMIT_SM = 0x00000004
    SUBMIT_SM_RESP = 0x80000004
    DELIVER_SM = 0x00000005
    DELIVER_SM_RESP = 0x80000005
    UNBIND = 0x00000006
    UNBIND_RESP = 0x80000006
    BIND_TRANSCEIVER = 0x00000009
    BIND_TRANSCEIVER_RESP = 0x80000009
    ENQUIRE_LINK = 0x00000015
    ENQUIRE_LINK_RESP = 0x80000015


class Status(IntEnum):
    """command_status (§5.1.3), as far as we act on it."""

    ROK = 0x00
    RINVCMDLEN = 0x02
    RINVCMDID = 0x03
    RMSGQFUL = 0x14
    RTHROTTLED = 0x58
    RX_P_APPN = 0x65
    """The receiver rejects a message for good: it is not to be sent again."""


THROTTLING: Final = frozenset({Status.RTHROTTLED, Status.RMSGQFUL})


class ReceiptState(IntEnum):
    """What a receipt says (§5.2.28, appendix B)."""

    UNDER_WAY = 0
    DELIVERED = 1
    FAILED = 2


_STATES: Final = {
    b"DELIVRD": ReceiptState.DELIVERED,
    b"EXPIRED": ReceiptState.FAILED,
    b"DELETED": ReceiptState.FAILED,
    b"UNDELIV": ReceiptState.FAILED,
    b"REJECTD": ReceiptState.FAILED,
}
_STATE_NUMBERS: Final = {
    2: ReceiptState.DELIVERED,
    3: ReceiptState.FAILED,
    4: ReceiptState.FAILED,
    5: ReceiptState.FAILED,
    8: ReceiptState.FAILED,
}


@dataclass(frozen=True, slots=True)
class Pdu:
    """A PDU as it came. Its `repr` shows no body: there are numbers in it."""

    command: int
    status: int
    sequence: int
    body: bytes

    def __repr__(self) -> str:
        return f"Pdu(0x{self.command:08x}, status=0x{self.status:x}, {len(self.body)} bytes)"

    @property
    def is_request(self) -> bool:
        """Whether it wants an answer."""
        return not self.command & _RESPONSE


@dataclass(frozen=True, slots=True)
class Receipt:
    """A delivery receipt."""

    message_id: str
    state: ReceiptState


class Framer:
    """Cuts a stream into PDUs. Holds one unfinished PDU at most."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Pdu]:
        """Return the PDUs that are complete now.

        Raises:
            PduError: a length that no PDU has: there is no telling where the next one begins.
        """
        self._buffer += data
        pdus = []
        while len(self._buffer) >= HEADER.size:
            length, command, status, sequence = HEADER.unpack_from(self._buffer)
            if not HEADER.size <= length <= MAX_PDU_BYTES:
                raise PduError("the SMSC sent a PDU with an impossible command_length")
            if len(self._buffer) < length:
                break
            pdus.append(Pdu(command, status, sequence, bytes(self._buffer[HEADER.size : length])))
            del self._buffer[:length]
        return pdus


def encode(command: int, sequence: int, status: int = Status.ROK, body: bytes = b"") -> bytes:
    """Write a PDU whose body is short and known."""
    return HEADER.pack(HEADER.size + len(body), command, status, sequence) + body


def bind_transceiver(sequence: int, *, system_id: str, password: str, system_type: str) -> bytes:
    """Write a `bind_transceiver` (§4.1.5)."""
    return BindTransceiver(sequence, system_id=system_id, password=password, system_type=system_type).pdu()


def submit_sm(sequence: int, number: numbers.PhoneNumber, text: str, *, sender: str, validity_s: float) -> bytes:
    """Write a `submit_sm` (§4.4.1): one SMS that asks for a delivery receipt and is dropped when it is too late.

    GSM 03.38 in the SMSC's default alphabet where the text fits it, else UCS-2.

    Raises:
        SmsNotTakenError: the text does not fit one SMS, or cannot be written.
    """
    if not fits_one_sms(text):
        raise SmsNotTakenError("the text does not fit one SMS: give the service a shorter name")
    message = SubmitSm(
        sequence_num=sequence,
        short_message=text,
        source=source_address(sender),
        destination=PhoneNumber(number.e164.removeprefix("+"), TON.INTERNATIONAL, NPI.ISDN),
        validity_period=timedelta(seconds=max(1, int(validity_s))),
        registered_delivery=1,
        encoding=None if is_gsm7(text) else "ucs2",
        auto_message_payload=False,
    )
    return message.pdu()


def source_address(sender: str) -> PhoneNumber:
    """Type a sender (§5.2.5): +digits international, digits as the SMSC knows them, anything else alphanumeric."""
    if sender.startswith("+"):
        return PhoneNumber(sender.removeprefix("+"), TON.INTERNATIONAL, NPI.ISDN)
    if sender.isdigit():
        return PhoneNumber(sender, TON.UNKNOWN, NPI.ISDN)
    return PhoneNumber(sender, TON.ALPHANUMERIC, NPI.UNKNOWN)


def read_message_id(pdu: Pdu) -> str:
    """Read the message id of a `submit_sm_resp` (§4.4.2); empty where there is none.

    Raises:
        PduError: not a C-octet string of printable ASCII.
    """
    if not pdu.body:
        return ""
    raw, _ = _c_string(pdu.body, 0)
    return _printable(raw)


def read_receipt(pdu: Pdu) -> Receipt | None:
    """Read a `deliver_sm` (§4.6.1): a delivery receipt, or None for anything else that is delivered.

    The id stands in `receipted_message_id`, or else in the text as appendix B suggests; so does the state.

    Raises:
        PduError: it is malformed, or a receipt of nothing.
    """
    body = pdu.body
    at = _after_string(body, 0) + 2  # service_type; source_addr_ton, _npi
    at = _after_string(body, at) + 2  # source_addr; dest_addr_ton, _npi
    at = _after_string(body, at)  # destination_addr
    esm_class = _byte(body, at)
    at = _after_string(body, at + 3)  # esm_class, protocol_id, priority_flag; schedule_delivery_time
    at = _after_string(body, at)  # validity_period
    length = _byte(body, at + 4)  # registered_delivery, replace_if_present, data_coding, sm_default_msg_id; sm_length
    text = body[at + 5 : at + 5 + length]
    if len(text) != length:
        raise PduError("the SMSC sent a deliver_sm that ends inside its text")
    parameters = _parameters(body, at + 5 + length)
    if esm_class & _MESSAGE_TYPE != _DELIVERY_RECEIPT:
        return None
    return Receipt(*_receipt(text or parameters.get(_MESSAGE_PAYLOAD, b""), parameters))


def _receipt(text: bytes, parameters: dict[int, bytes]) -> tuple[str, ReceiptState]:
    found = _RECEIPT_ID.search(text)
    raw = parameters.get(_RECEIPTED_MESSAGE_ID, b"").rstrip(b"\0") or (found.group(1) if found else b"")
    if not raw:
        raise PduError("the SMSC sent a delivery receipt without a message id")
    state = parameters.get(_MESSAGE_STATE, b"")
    if state:
        return _printable(raw), _STATE_NUMBERS.get(state[0], ReceiptState.UNDER_WAY)
    stat = _RECEIPT_STAT.search(text)
    return _printable(raw), _STATES.get(stat.group(1).upper() if stat else b"", ReceiptState.UNDER_WAY)


def _parameters(body: bytes, at: int) -> dict[int, bytes]:
    """Read optional parameters (§3.2.4)."""
    found = {}
    while at < len(body):
        if at + _TLV.size > len(body):
            raise PduError("the SMSC sent a PDU that ends inside an optional parameter")
        tag, length = _TLV.unpack_from(body, at)
        at += _TLV.size
        if at + length > len(body):
            raise PduError("the SMSC sent a PDU that ends inside an optional parameter")
        found[tag] = body[at : at + length]
        at += length
    return found


def _byte(body: bytes, at: int) -> int:
    if at >= len(body):
        raise PduError("the SMSC sent a PDU that ends too early")
    return body[at]


def _after_string(body: bytes, at: int) -> int:
    return _c_string(body, at)[1]


def _c_string(body: bytes, at: int) -> tuple[bytes, int]:
    end = body.find(b"\0", at)
    if end < 0:
        raise PduError("the SMSC sent a PDU with a string that does not end")
    return body[at:end], end + 1


def _printable(raw: bytes) -> str:
    if len(raw) > _MAX_ID or any(not 0x20 <= byte < 0x7F for byte in raw):  # noqa: PLR2004  printable ASCII
        raise PduError("the SMSC sent a message id that is none")
    return raw.decode("ascii")
