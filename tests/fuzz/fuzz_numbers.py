"""Phone numbers as people and as SMS write them: only NumberError, and what is accepted is a number."""

import contextlib
import re

from sayso.protocol.errors import NumberError
from sayso.protocol.numbers import PhoneNumber

_E164 = re.compile(r"\+[0-9]{7,15}")


def fuzz_one(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    with contextlib.suppress(NumberError):
        PhoneNumber(text)
    with contextlib.suppress(NumberError):
        number = PhoneNumber.parse(text, region="GB")
        if not _E164.fullmatch(number.e164) or any(sign.isalpha() for sign in text):
            raise AssertionError("accepted, and no number")


def seeds() -> list[bytes]:
    written = [
        *("+447700900123", "07700 900123", "+1 (202) 555-0123", "tel:+447700900123", "112", "BANK 07700900123"),
        *(
            "0044 7700 900 123",
            "\uff0b447700900123",
            "\u0660\u0667\u0667\u0660\u0660 900123",
            "32665",
            "*31#07700900123",
        ),
    ]
    return [text.encode() for text in written]
