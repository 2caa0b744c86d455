"""Seeds: values known to be on a phone, and what is checked about them before anybody relies on them."""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from sayso.audit.errors import SeedError

_COORDINATES = re.compile(r"\s*([+-]?[0-9]{1,2}(?:\.[0-9]+)?)\s*[,; ]\s*([+-]?[0-9]{1,3}(?:\.[0-9]+)?)\s*")


class SeedType(enum.Enum):
    """What a seed is; the value is what the seeds file says."""

    IMEI = "imei"
    IMSI = "imsi"
    ICCID = "iccid"
    MSISDN = "msisdn"
    CONTACT_NAME = "contact_name"
    CONTACT_NUMBER = "contact_number"
    SMS_TEXT = "sms_text"
    EMAIL = "email"
    ANDROID_ID = "android_id"
    MAC = "mac"
    ADVERTISING_ID = "advertising_id"
    SSID = "ssid"
    COORDINATES = "coordinates"
    FREE = "free"


ALIASES: Mapping[str, SeedType] = {
    "phone": SeedType.MSISDN,
    "phone_number": SeedType.MSISDN,
    "number": SeedType.MSISDN,
    "name": SeedType.CONTACT_NAME,
    "contact": SeedType.CONTACT_NAME,
    "sms": SeedType.SMS_TEXT,
    "gaid": SeedType.ADVERTISING_ID,
    "adid": SeedType.ADVERTISING_ID,
    "idfa": SeedType.ADVERTISING_ID,
    "wifi_mac": SeedType.MAC,
    "bluetooth_mac": SeedType.MAC,
    "location": SeedType.COORDINATES,
    "text": SeedType.FREE,
}
NUMBERS = frozenset({SeedType.MSISDN, SeedType.CONTACT_NUMBER})


@dataclass(frozen=True, slots=True)
class Seed:
    """A value known to be on the phone. `decoy` marks one that is not: finding it is a mistake of ours."""

    id: str
    type: SeedType
    value: str = field(repr=False)
    region: str = ""
    decoy: bool = False


@dataclass(frozen=True, slots=True)
class Secret:
    """A known salt or key that makers of trackers mix into digests."""

    name: str
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SeedSet:
    """What a seeds file holds."""

    seeds: tuple[Seed, ...]
    decoys: tuple[Seed, ...] = ()
    salts: tuple[Secret, ...] = ()
    keys: tuple[Secret, ...] = ()


def digits(value: str) -> str:
    """The ASCII digits of a value."""
    return "".join(sign for sign in value if sign in "0123456789")


def luhn_digit(number: str) -> str:
    """The check digit of ISO/IEC 7812-1 that belongs after these digits; IMEI and ICCID end in one."""
    total = 0
    for place, sign in enumerate(reversed(number)):
        one = int(sign) * (2 if place % 2 == 0 else 1)
        total += one - 9 if one > 9 else one  # noqa: PLR2004  a digit sum of two digits
    return str(-total % 10)


def seed_type(name: str) -> SeedType:
    """Read a type as a seeds file writes it. Raises SeedError."""
    plain = name.strip().lower().replace("-", "_").replace(" ", "_")
    found = ALIASES.get(plain)
    if found is not None:
        return found
    try:
        return SeedType(plain)
    except ValueError:
        known = ", ".join(one.value for one in SeedType)
        raise SeedError(f"no seed type {plain[:40]!r}; use one of {known}") from None


def coordinates(value: str) -> tuple[str, str]:
    """Latitude and longitude in degrees as written, without a plus. Raises SeedError."""
    found = _COORDINATES.fullmatch(value)
    if found is None or abs(float(found[1])) > 90 or abs(float(found[2])) > 180:  # noqa: PLR2004  a digit sum of two digits
        raise SeedError("coordinates are 'latitude, longitude' in degrees, as in '51.50735, -0.12776'")
    return found[1].lstrip("+"), found[2].lstrip("+")


_SHAPES: Mapping[SeedType, tuple[re.Pattern[str], str]] = {
    SeedType.IMEI: (re.compile(r"[0-9]{14,16}"), "an IMEI has 14, 15 or 16 digits (*#06# shows it)"),
    SeedType.IMSI: (re.compile(r"[0-9]{14,15}"), "an IMSI has 14 or 15 digits"),
    SeedType.ICCID: (re.compile(r"[0-9]{18,22}"), "an ICCID has 18 to 22 digits (it is printed on the SIM)"),
    SeedType.ANDROID_ID: (re.compile(r"[0-9A-Fa-f]{16}"), "an Android id has 16 hex digits"),
    SeedType.MAC: (re.compile(r"[0-9A-Fa-f]{12}"), "a MAC address has 12 hex digits"),
    SeedType.ADVERTISING_ID: (re.compile(r"[0-9A-Fa-f]{32}"), "an advertising id is a UUID of 32 hex digits"),
}
_SHORTEST: Mapping[SeedType, int] = {
    SeedType.CONTACT_NAME: 3,
    SeedType.SMS_TEXT: 4,
    SeedType.SSID: 3,
    SeedType.FREE: 4,
}


def check(seed: Seed) -> Seed:
    """Return the seed with its value in a standard spelling.

    Raises:
        SeedError: the value cannot be of its type, or is so short that it would be found everywhere.
    """
    value = seed.value.strip()
    shape = _SHAPES.get(seed.type)
    if shape is not None:
        bare = re.sub(r"[\s:.{}_/-]", "", value)
        if seed.type is SeedType.ICCID:
            bare = bare.rstrip("Ff")
        if not shape[0].fullmatch(bare):
            raise SeedError(f"seed {seed.id!r}: {shape[1]}")
        value = bare
    elif seed.type is SeedType.COORDINATES:
        value = ",".join(coordinates(value))
    elif seed.type in NUMBERS:
        if not re.fullmatch(r"\+?[0-9][0-9 ()./-]*", value) or not 7 <= len(digits(value)) <= 15:  # noqa: PLR2004  E.164
            raise SeedError(f"seed {seed.id!r}: write the number as in '+447700900123', or give its region")
    elif seed.type is SeedType.EMAIL:
        if not re.fullmatch(r"[^@\s]+@[^@\s]+", value):
            raise SeedError(f"seed {seed.id!r}: an e-mail address has one @")
    elif len(value) < _SHORTEST.get(seed.type, 1):
        raise SeedError(f"seed {seed.id!r}: too short to tell from chance; use one made by 'sayso audit seeds new'")
    return Seed(seed.id, seed.type, value, seed.region, seed.decoy)
