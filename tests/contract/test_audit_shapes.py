"""Shapes that real trackers and SDKs give to what they send: the seed is found, through the right steps."""

import base64
import gzip
import hashlib
import io
import json
import plistlib
import struct
import uuid
import zipfile
import zlib
from collections.abc import Mapping
from urllib.parse import quote

import brotli
import cbor2
import pytest

from sayso.audit.core.forms.form import varint
from sayso.audit.core.model import Place
from tests.fakes.audit_world import SEEDS, chains

VALUES = {seed.id: seed.value for seed in SEEDS}
IMEI, EMAIL, PHONE, MAC, ANDROID_ID = (
    VALUES[name].encode() for name in ("imei", "email", "msisdn", "mac", "android_id")
)
Shape = tuple[str, bytes, tuple[str, ...]]
"""(seed, the bytes, steps that the chain has to have)"""


def _url64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


def _json(**members: object) -> bytes:
    return json.dumps(members).encode()


def _deflate(data: bytes) -> bytes:
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    return engine.compress(data) + engine.flush()


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("log.txt", "x" * 300 + f" imei={VALUES['imei']} " + "y z" * 90)
    return out.getvalue()


def _zigzag(number: int) -> bytes:
    return varint(number << 1 if number >= 0 else (-number << 1) - 1)


_PACKED = gzip.compress(b"\x0a\x0f" + IMEI, mtime=0)
_SHAPES: Mapping[str, Shape] = {
    "enhanced conversions": ("email", b"em=tv.1~em." + _url64(_sha256(EMAIL)), ("base64", "sha256")),
    "array parameter": ("msisdn", b"ud%5Bph%5D=" + _sha256(PHONE[1:]).hex().encode(), ("hex", "sha256")),
    "bearer token": (
        "email",
        b"Bearer " + _url64(b'{"alg":"none"}') + b"." + _url64(_json(email=EMAIL.decode())),
        ("base64",),
    ),
    "basic login": ("email", b"Basic " + base64.b64encode(EMAIL + b":pw"), ("base64",)),
    "cookie of JSON": ("email", b"u=" + quote(_json(e=EMAIL.decode())).encode(), ("url",)),
    "JSON in base64 in a URL": (
        "imei",
        b"/?d=" + quote(base64.b64encode(_json(p={"i": IMEI.decode()}))).encode(),
        ("base64",),
    ),
    "gzip in base64 in a form": (
        "imei",
        b"v=1&d=" + quote(base64.b64encode(gzip.compress(_json(i=IMEI.decode())))).encode(),
        ("gzip",),
    ),
    "zlib in base64 in JSON": (
        "imei",
        _json(d=base64.b64encode(zlib.compress(_json(i=IMEI.decode()))).decode()),
        ("base64", "zlib"),
    ),
    "gzip in hex": ("imei", gzip.compress(IMEI, mtime=0).hex().encode(), ("hex", "gzip")),
    "brotli in base64 in JSON": (
        "email",
        _json(p=base64.b64encode(brotli.compress(_json(e=EMAIL.decode(), z="abcabc" * 9))).decode()),
        ("base64", "brotli"),
    ),
    "deflate in base64url": ("email", b"d=" + _url64(_deflate(_json(e=EMAIL.decode()))), ("deflate",)),
    "upper MD5": ("imei", b"m=" + _md5(IMEI).hex().upper().encode(), ("hex.upper", "md5")),
    "SHA-1 of a bare upper MAC": ("mac", b"m=" + _sha1(MAC.replace(b":", b"").upper()).hex().encode(), ("hex", "sha1")),
    "digest in base64 with JSON's slashes": (
        "email",
        b'{"h":"' + base64.b64encode(_sha256(EMAIL)).replace(b"/", b"\\/") + b'"}',
        ("sha256",),
    ),
    "hex digest in base64": (
        "email",
        b"h=" + base64.b64encode(_sha256(EMAIL).hex().encode()),
        ("base64", "hex", "sha256"),
    ),
    "digest in pairs": ("email", b"fp: " + _sha256(EMAIL).hex(":").upper().encode(), ("pairs", "hex.upper", "sha256")),
    "digest of a digest in upper case": (
        "imei",
        _md5(_md5(IMEI).hex().upper().encode()).hex().encode(),
        ("md5", "hex.upper", "md5"),
    ),
    "digest as a UUID": ("imei", str(uuid.UUID(bytes=_md5(IMEI))).encode(), ("uuid", "md5")),
    "UUID of Java's nameUUIDFromBytes": (
        "android_id",
        str(uuid.UUID(bytes=_md5(ANDROID_ID), version=3)).encode(),
        ("uuid", "md5.uuid3"),
    ),
    "UUID of a name, without dashes": (
        "android_id",
        b"d=" + uuid.UUID(bytes=_md5(ANDROID_ID), version=3).hex.encode(),
        ("hex", "md5.uuid3"),
    ),
    "UUID of a name in a namespace": (
        "email",
        b"u=" + str(uuid.uuid5(uuid.NAMESPACE_URL, EMAIL.decode())).upper().encode(),
        ("uuid", "sha1.uuid5"),
    ),
    "id behind the letters AND": ("android_id", b'{"id":"AND' + ANDROID_ID + b'"}', ("and-prefixed",)),
    "number with an exponent": ("imei", b'{"imei":4.90154203237518E14}', ("scientific",)),
    "telephone number with an exponent": ("msisdn", b'{"p":4.47700900123e+11}', ("scientific",)),
    "trunk zero in brackets": ("msisdn", b"tel=+44 (0)7700 900123", ("international.trunk",)),
    "coordinates in 32 bits": ("coordinates", b'{"lat":-47.18236541748047,"lng":-126.9045181274414}', ()),
    "coordinates in 32 bits, short": ("coordinates", b"lat=-47.182365&lon=-126.90452", ()),
    "signed bytes of a digest": (
        "imei",
        json.dumps([byte - 256 if byte > 127 else byte for byte in _md5(IMEI)]).encode(),
        ("codes", "raw", "md5"),
    ),
    "bytes of a packed object": (
        "imei",
        json.dumps(list(gzip.compress(b"imei=" + IMEI, mtime=0)), separators=(",", ":")).encode(),
        ("codes", "gzip"),
    ),
    "hex behind 0x": ("imei", b"id=0x" + IMEI.hex().encode(), ("hex",)),
    "two ids digested together": (
        "imei",
        b"u=" + _md5(IMEI + VALUES["imsi"].encode()).hex().encode(),
        ("hex", "md5.joined"),
    ),
    "digest of the national number": ("msisdn", b"h=" + _sha256(b"07700900123").hex().encode(), ("hex", "sha256")),
    "binary property list in base64": (
        "email",
        base64.b64encode(plistlib.dumps({"e": EMAIL.decode()}, fmt=plistlib.FMT_BINARY)),
        ("base64",),
    ),
    "ZIP archive": ("imei", _zip(), ("zip",)),
    "gRPC, packed": ("imei", b"\x01" + struct.pack(">I", len(_PACKED)) + _PACKED, ("gzip",)),
    "integer of protobuf": ("imei", b"\x08" + varint(int(IMEI)), ()),
    "integer of CBOR": ("imei", cbor2.dumps({"a": int(IMEI)}), ()),
    "doubles of protobuf": (
        "coordinates",
        b"\x09" + struct.pack("<d", -47.182364) + b"\x11" + struct.pack("<d", -126.904518),
        (),
    ),
    "signed integers of protobuf": ("coordinates", b"\x08" + _zigzag(-471823640) + b"\x10" + _zigzag(-1269045180), ()),
    "coordinates with zeros": ("coordinates", b'{"lat":-47.18236400,"lon":-126.90451800}', ()),
    "coordinates turned": ("coordinates", b'{"coordinates":[-126.904518,-47.182364]}', ()),
    "coordinates rounded": ("coordinates", b'{"latitude":-47.1824,"longitude":-126.9045}', ()),
    "number in two members": ("msisdn", b'{"cc":"44","nsn":"7700900123"}', ()),
    "name in three members": ("contact_name", b'{"first":"Cordelia","middle":"Vexmoor","last":"Quillfeather"}', ()),
    "preview of a text": ("sms_text", b'{"preview":"the heron waits beside pew..."}', ()),
    "XOR in base64": (
        "imei",
        base64.b64encode(bytes(byte ^ 0x5A for byte in b'{"imei":"' + IMEI + b'"}')),
        ("base64", "xor:5a"),
    ),
    "base64 three times": (
        "imei",
        base64.b64encode(base64.b64encode(base64.b64encode(IMEI + b"|x"))),
        ("base64", "base64", "base64"),
    ),
}
_NAMES: Mapping[str, Shape] = {
    "hex in a label": ("imei", IMEI.hex().encode() + b".x.tracker.example", ("hex",)),
    "base32 in a label": ("imei", base64.b32encode(b"imei=" + IMEI).rstrip(b"=").lower() + b".t.example", ("base32",)),
    "base64url over labels": (
        "imei",
        b".".join(_url64(_json(imei=IMEI.decode(), x="y" * 9))[at : at + 20] for at in (0, 20, 40)) + b".t.example",
        ("dns-labels", "base64"),
    ),
}


def _has(chain: tuple[str, ...], steps: tuple[str, ...]) -> bool:
    """Whether the steps occur in a chain in this order, each perhaps with a variant behind it."""
    rest = iter(chain)
    return all(any(step.startswith(wanted) for step in rest) for wanted in steps)


@pytest.mark.parametrize("name", [*_SHAPES, *_NAMES])
def test_the_seed_is_found(name: str) -> None:
    seed, data, steps = _SHAPES.get(name) or _NAMES[name]
    found = chains(data, seed, place=Place.DNS if name in _NAMES else Place.BODY)
    assert any(_has(chain, steps) for chain in found), found


_MISSES = (
    *("digest in pairs", "two ids digested together", "ZIP archive", "signed integers of protobuf"),
    *("UUID of Java's nameUUIDFromBytes", "UUID of a name in a namespace", "id behind the letters AND"),
    *("number with an exponent", "trunk zero in brackets", "coordinates in 32 bits", "signed bytes of a digest"),
)


@pytest.mark.parametrize("name", _MISSES)
def test_a_near_miss_is_none(name: str) -> None:
    seed, data, _ = _SHAPES[name]
    changed = {
        "UUID of Java's nameUUIDFromBytes": str(uuid.UUID(bytes=_md5(ANDROID_ID[1:]), version=3)).encode(),
        "UUID of a name in a namespace": str(uuid.uuid5(uuid.NAMESPACE_URL, "x" + EMAIL.decode())).encode(),
        "id behind the letters AND": data.replace(b"AND", b"ANDa"),
        "number with an exponent": data.replace(b"18E14", b"19E14"),
        "trunk zero in brackets": data.replace(b"123", b"124"),
        "coordinates in 32 bits": data.replace(b"6541", b"6441"),
        "signed bytes of a digest": data.replace(b"[", b"[1"),
        "digest in pairs": b"fp: " + _sha256(EMAIL + b"x").hex(":").upper().encode(),
        "two ids digested together": b"u=" + _md5(IMEI + b"001010123456780").hex().encode(),
        "ZIP archive": data.replace(b"log.txt", b"lo"),
        "signed integers of protobuf": b"\x08" + _zigzag(-471923640) + b"\x10" + _zigzag(-1269045180),
    }[name]
    assert chains(changed, seed) == set()
