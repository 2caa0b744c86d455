"""The notice that a picture message waits at the operator: hostile bytes of a WAP push.

    push     = transaction id ‖ 0x06 ‖ headers' length (uintvar) ‖ headers ‖ body       (WAP-230 §8.2.4.1)
    headers  = content type ‖ others; the type's code for MMS is 0xBE
    body     = (field ‖ value)*, well-known fields only                                  (OMA MMS-ENC §6.2, §7.3)

Read for what a person wants to know, sender, subject and size. Where the picture lies stands in it too; it is not read:
nothing is ever fetched (docs/threat-model.md). One family of errors: SmsFormatError.
"""

from dataclasses import dataclass
from typing import Final

from sayso.phone.errors import SmsFormatError

_PUSH: Final = 0x06
_MMS_TYPE: Final = 0xBE
_MMS_TYPE_TEXT: Final = b"application/vnd.wap.mms-message\x00"
_MESSAGE_TYPE: Final = 0x8C
_NOTIFICATION: Final = 0x82
_FROM: Final = 0x89
_ADDRESS_PRESENT: Final = 0x80
_SUBJECT: Final = 0x96
_SIZE: Final = 0x8E
_WELL_KNOWN: Final = 0x80
_LONGEST_SHORT: Final = 30
_LENGTH_FOLLOWS: Final = 31
_QUOTE: Final = 0x7F
_MORE: Final = 0x80
_SEVEN_BITS: Final = 0x7F
_UTF_8: Final = 106
_MOST_OCTETS: Final = 5
_MOST_INTEGER_OCTETS: Final = 8
_MOST_SHOWN: Final = 200
_NO_SENDER: Final = ""


@dataclass(frozen=True, slots=True, repr=False)
class MmsNotice:
    """What a person is told of a picture message."""

    sender: str
    """Empty where it does not say."""
    subject: str
    size: int | None
    """Bytes."""


class _Reader:
    """Takes bytes from the front; never beyond the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def take(self, count: int) -> bytes:
        if self._at + count > len(self._data):
            raise SmsFormatError("the notice of a picture message ends too early")
        self._at += count
        return self._data[self._at - count : self._at]

    def octet(self) -> int:
        return self.take(1)[0]

    def peek(self) -> int:
        value = self.octet()
        self._at -= 1
        return value

    def uintvar(self) -> int:
        value = 0
        for _ in range(_MOST_OCTETS):
            octet = self.octet()
            value = value << 7 | octet & _SEVEN_BITS
            if not octet & _MORE:
                return value
        raise SmsFormatError("a length in the notice of a picture message has no end")

    def text(self) -> bytes:
        end = self._data.find(b"\x00", self._at)
        if end < 0:
            raise SmsFormatError("a text in the notice of a picture message has no end")
        found = self.take(end - self._at)
        self.take(1)
        return found

    def value_length(self) -> int | None:
        """Read a value's length; None where the value is a text or a single octet, which have none."""
        first = self.peek()
        if first <= _LONGEST_SHORT:
            return self.octet()
        if first == _LENGTH_FOLLOWS:
            self.octet()
            return self.uintvar()
        return None

    def value(self) -> bytes:
        """Read a field's value of any kind (WAP-230 §8.4.1.2), without its length."""
        length = self.value_length()
        if length is not None:
            return self.take(length)
        return self.take(1) if self.peek() & _WELL_KNOWN else self.text()


def read_mms_notice(data: bytes) -> MmsNotice:
    """Read the data of an SMS to the WAP push port.

    Raises:
        SmsFormatError: it is no notice of a picture message, or lies about its lengths.
    """
    push = _Reader(data)
    push.octet()
    if push.octet() != _PUSH:
        raise SmsFormatError("this is no WAP push")
    headers = _Reader(push.take(push.uintvar()))
    kind = headers.text() + b"\x00" if not headers.peek() & _WELL_KNOWN else headers.take(1)
    if kind not in {bytes([_MMS_TYPE]), _MMS_TYPE_TEXT}:
        raise SmsFormatError("this WAP push is about something else than a picture message")
    return _read_body(push)


def _read_body(body: _Reader) -> MmsNotice:
    if (body.octet(), body.octet()) != (_MESSAGE_TYPE, _NOTIFICATION):
        raise SmsFormatError("this is another message about a picture message than its notice")
    sender, subject, size = _NO_SENDER, "", None
    while body:
        field = body.octet()
        if not field & _WELL_KNOWN:
            body.text()  # a field by name: its name has begun already
            body.value()
            continue
        value = body.value()
        if field == _FROM and value[:1] == bytes([_ADDRESS_PRESENT]):
            sender = _encoded(value[1:]).partition("/TYPE=")[0]
        elif field == _SUBJECT:
            subject = _encoded(value)
        elif field == _SIZE and len(value) <= _MOST_INTEGER_OCTETS:
            size = int.from_bytes(value, "big")
    return MmsNotice(sender, subject, size)


def _encoded(value: bytes) -> str:
    """Read an encoded-string value: a text, or a character set and a text; only UTF-8 and ASCII are read."""
    charset, text = None, value
    if value and value[0] & _WELL_KNOWN:
        charset, text = value[0] & _SEVEN_BITS, value[1:]
    elif len(value) > 2 and value[0] <= _LONGEST_SHORT:  # noqa: PLR2004  a length, a charset, a text
        charset, text = int.from_bytes(value[1 : 1 + value[0]], "big"), value[1 + value[0] :]
    text = text.removesuffix(b"\x00").removeprefix(bytes([_QUOTE]))
    shown = text.decode("utf-8" if charset in {None, _UTF_8} else "ascii", errors="replace")
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in shown[:_MOST_SHOWN])
