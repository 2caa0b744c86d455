"""Which alphabet a text needs, and whether it is one SMS (3GPP TS 23.038, TS 23.040)."""

from typing import Final

from aiosmpplib import GSM7BitCodec

_GSM7_SEPTETS: Final = 160
_UCS2_BYTES: Final = 140


def is_gsm7(text: str) -> bool:
    """Whether every character is in the GSM 7-bit default alphabet or its extension table."""
    return GSM7BitCodec.is_gsm_text(text)


def fits_one_sms(text: str) -> bool:
    """Whether a text is one SMS: 160 septets (an extension character takes two), or 140 bytes of UCS-2."""
    if not text:
        return False
    if is_gsm7(text):
        return len(GSM7BitCodec().encode(text)[0]) <= _GSM7_SEPTETS
    try:
        return len(text.encode("utf-16-be")) <= _UCS2_BYTES
    except UnicodeEncodeError:
        return False
