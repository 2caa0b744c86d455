"""Forms of Android ids, advertising ids, MAC addresses and coordinates."""

import math
import struct
from collections.abc import Iterator

from sayso.audit.core.forms.form import (
    HEX_BITS,
    Edge,
    Form,
    backwards,
    byte_form,
    cases,
    integers,
    part_form,
    text_bits,
    text_form,
    utf16,
)
from sayso.audit.core.seed_types import Seed, coordinates

MAC_SEPARATORS = {"colons": ":", "dashes": "-", "bare": "", "spaces": " ", "underscores": "_", "dots": "."}
GEOHASH = "0123456789bcdefghjkmnpqrstuvwxyz"
MOST_DECIMALS = 8
"""A double printed with so many places: zeros follow what the seed has."""
MIN_DECIMALS = 4
"""11 metres: one coordinate with fewer is met by chance."""
MIN_DECIMALS_OF_BOTH = 3
"""110 metres, where both stand together: with fewer they name a town."""


def android_id(seed: Seed) -> Iterator[Form]:
    """16 hex digits, the same number in decimal, signed and unsigned, as bytes."""
    bits = HEX_BITS * 16
    number = int(seed.value, 16)
    yield from cases(seed.value, Edge.HEX, bits=bits)
    # Flurry's, whose D would make it part of a longer hex number.
    yield text_form("and-prefixed", f"AND{seed.value}", Edge.HEX, bits=bits, hashed=1)
    yield text_form("decimal", str(number), Edge.DIGIT, bits=bits, hashed=1)
    if seed.value.startswith("0"):
        yield text_form("no-zeros", seed.value.lstrip("0"), Edge.HEX, bits=bits - 4, hashed=1)
    # Big-endian, the integer is the bytes that the hex digits are.
    yield byte_form("bytes", bytes.fromhex(seed.value))
    yield from integers(number, signed=True)
    yield from utf16(seed.value, bits)
    yield backwards(seed.value, Edge.HEX)


def advertising_id(seed: Seed) -> Iterator[Form]:
    """A UUID with and without dashes, as bytes in both orders (RFC 9562 and Microsoft's)."""
    bare = seed.value.lower()
    dashed = "-".join((bare[:8], bare[8:12], bare[12:16], bare[16:20], bare[20:]))
    bits = HEX_BITS * 30
    yield from cases(dashed, Edge.HEX, bits=bits)
    for text in (bare, bare.upper()):
        yield text_form("bare", text, Edge.HEX, bits=bits, hashed=1)
    raw = bytes.fromhex(bare)
    yield byte_form("bytes", raw, bits)
    yield byte_form("bytes.guid", raw[3::-1] + raw[5:3:-1] + raw[7:5:-1] + raw[8:], bits)
    yield from utf16(dashed, bits)
    yield backwards(dashed, Edge.HEX)
    yield text_form("braced", "{" + dashed.upper() + "}", Edge.NONE, bits=bits, hashed=1)


def mac(seed: Seed) -> Iterator[Form]:
    """Six separators, both orders, bytes, an integer, and the address that IPv6 makes of it (RFC 4291, appendix A)."""
    bare = seed.value.lower()
    pairs = [bare[at : at + 2] for at in range(0, 12, 2)]
    bits = HEX_BITS * 12
    for name, separator in MAC_SEPARATORS.items():
        joined = separator.join(pairs)
        spelled = "plain" if name == "colons" else name
        for case, text in ((spelled, joined), (f"{spelled}.upper", joined.upper())):
            hashed = 2 if name in {"colons", "dashes", "bare"} else 1
            yield text_form(case, text, Edge.HEX, bits=bits, hashed=hashed)
        yield text_form("turned", separator.join(reversed(pairs)), Edge.HEX, bits=bits, hashed=1)
    yield text_form("cisco", f"{bare[:4]}.{bare[4:8]}.{bare[8:]}", Edge.HEX, bits=bits, hashed=1)
    if any(pair.startswith("0") for pair in pairs):
        yield text_form("no-zeros", ":".join(f"{int(pair, 16):x}" for pair in pairs), Edge.HEX, bits=bits - 8, hashed=1)
    raw = bytes.fromhex(bare)
    yield byte_form("bytes", raw)
    yield byte_form("bytes.turned", raw[::-1])
    eui = bytes((raw[0] ^ 2, *raw[1:3], 0xFF, 0xFE, *raw[3:]))
    yield byte_form("eui-64", eui)
    yield text_form("eui-64", eui.hex(), Edge.HEX, bits=bits)
    yield text_form(
        "eui-64", ":".join(f"{int.from_bytes(eui[at : at + 2]):x}" for at in range(0, 8, 2)), Edge.HEX, bits=bits
    )
    yield text_form("decimal", str(int(bare, 16)), Edge.DIGIT, bits=bits, hashed=1)
    yield from utf16(":".join(pairs), bits)
    for text in (bare, ":".join(pairs)):
        yield backwards(text, Edge.HEX)


def location(seed: Seed) -> Iterator[Form]:
    """Latitude and longitude, together in either order or apart in one exchange, rounded, as floats, as a geohash."""
    latitude, longitude = coordinates(seed.value)
    places = min(len(latitude.partition(".")[2]), len(longitude.partition(".")[2]))
    both = f"{latitude},{longitude}"
    yield text_form("plain", both, Edge.DIGIT, hashed=2)
    yield backwards(both, Edge.DIGIT)
    yield from utf16(both, text_bits(both))
    for decimals in range(places, MIN_DECIMALS_OF_BOTH - 1, -1):
        for cut in (_rounded, _cut):
            north, east = cut(latitude, decimals), cut(longitude, decimals)
            name = "plain" if decimals == places else f"{decimals}-decimals"
            for separator in (",", ", ", ";", " ", "/", "|", "_"):
                yield text_form(name, f"{north}{separator}{east}", Edge.DIGIT, hashed=1)
                yield text_form(f"{name}.turned", f"{east}{separator}{north}", Edge.DIGIT, hashed=1)
            if decimals >= MIN_DECIMALS:
                yield part_form("latitude", north, Edge.DIGIT, group="place", part="latitude")
                yield part_form("longitude", east, Edge.DIGIT, group="place", part="longitude")
    yield from _longer(latitude, longitude, places)
    for scale in (10**6, 10**7):
        for part, text in (("latitude", latitude), ("longitude", longitude)):
            number = round(float(text) * scale)
            yield part_form(part, str(abs(number)), Edge.DIGIT, group="place", part=part)
    for part, text in (("latitude", latitude), ("longitude", longitude)):
        for code in ("<d", ">d", "<f", ">f"):
            packed = struct.pack(code, float(text))
            yield Form(part, packed, Edge.NONE, 8.0 * len(packed), binary=True, part=part, group="place", wrapped=False)
    for length in (12, 11, 10, 9, 8):
        yield text_form(
            f"geohash-{length}", geohash(float(latitude), float(longitude), length), Edge.WORD, bits=5.0 * length
        )


def _longer(latitude: str, longitude: str, places: int) -> Iterator[Form]:
    """Each coordinate with more digits than it was given: zeros, or what 32 bits make of it."""
    for decimals in range(places + 1, MOST_DECIMALS + 1):
        for part, text in (("latitude", latitude), ("longitude", longitude)):
            yield part_form(part, _rounded(text, decimals), Edge.DIGIT, group="place", part=part)
    for part, text in (("latitude", latitude), ("longitude", longitude)):
        for spelled in dict.fromkeys(_single(float(text))):
            yield part_form(part, spelled, Edge.DIGIT, group="place", part=part)


def _single(number: float) -> Iterator[str]:
    """A number that a program keeps in 32 bits, as it prints it: as short as tells it apart, and all of its digits."""
    (kept,) = struct.unpack("<f", struct.pack("<f", number))
    for digits in range(6, 10):
        short = f"{kept:.{digits}g}"
        if struct.unpack("<f", struct.pack("<f", float(short)))[0] == kept:
            yield short
            break
    yield repr(kept)


def _rounded(text: str, decimals: int) -> str:
    return f"{float(text):.{decimals}f}"


def _cut(text: str, decimals: int) -> str:
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction[:decimals]}"


def geohash(latitude: float, longitude: float, length: int) -> str:
    """Niemeyer's geohash: longitude and latitude halved in turns, five halvings a sign."""
    bits = 5 * length
    east = math.floor((longitude + 180) / 360 * (1 << (bits + 1) // 2))
    north = math.floor((latitude + 90) / 180 * (1 << bits // 2))
    out = 0
    for place in range(bits):
        source, left = (
            (east, (bits + 1) // 2 - 1 - place // 2) if place % 2 == 0 else (north, bits // 2 - 1 - place // 2)
        )
        out = out << 1 | source >> left & 1
    return "".join(GEOHASH[out >> 5 * (length - 1 - at) & 31] for at in range(length))
