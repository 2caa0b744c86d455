"""The forms that a seed takes in the wild.

form       what a form is; spellings that several types share (cases, integers, BCD, UTF-16)
numbers    telephone numbers, IMEI, IMSI, ICCID
texts      names, texts, e-mail addresses, network names, anything
devices    Android ids, advertising ids, MAC addresses, coordinates
"""

from collections.abc import Callable, Iterator, Mapping

from sayso.audit.core.forms import devices, numbers, texts
from sayso.audit.core.forms.form import Edge, Form, unique
from sayso.audit.core.seed_types import Seed, SeedType

__all__ = ["Edge", "Form", "expand"]

_MAKERS: Mapping[SeedType, Callable[[Seed], Iterator[Form]]] = {
    SeedType.IMEI: numbers.imei,
    SeedType.IMSI: numbers.imsi,
    SeedType.ICCID: numbers.iccid,
    SeedType.MSISDN: numbers.phone,
    SeedType.CONTACT_NUMBER: numbers.phone,
    SeedType.CONTACT_NAME: texts.contact_name,
    SeedType.SMS_TEXT: texts.sms_text,
    SeedType.EMAIL: texts.email,
    SeedType.SSID: texts.ssid,
    SeedType.FREE: texts.free,
    SeedType.ANDROID_ID: devices.android_id,
    SeedType.ADVERTISING_ID: devices.advertising_id,
    SeedType.MAC: devices.mac,
    SeedType.COORDINATES: devices.location,
}
MIN_BITS = 12.0
"""A form that chance writes into every page is none; parts count together and may be shorter."""


def expand(seed: Seed) -> tuple[Form, ...]:
    """All forms of a seed. Raises SeedError where the value cannot be of its type."""
    return unique(form for form in _MAKERS[seed.type](seed) if form.part or form.bits >= MIN_BITS)
