"""Ids and digests, and the outline that keeps secrets out of tracebacks."""

import hashlib
from enum import IntEnum

import msgspec
from msgspec import Struct

from sayso.protocol.ids import envelope_id, grant_hash, handle_hash, key_digest, outline, same
from tests.fuzz.vectors import vectors


class Colour(IntEnum):
    RED = 1


class Sample(Struct):
    count: int
    ready: bool
    colour: Colour
    nothing: None
    secret: bytes
    text: str
    inner: list[str]


def test_an_envelope_is_named_by_its_own_bytes() -> None:
    assert envelope_id(b"x") == hashlib.sha256(b"x").digest()[:16]
    assert envelope_id(b"x") != envelope_id(b"y")


def test_hashes_are_those_of_the_vectors() -> None:
    stored = vectors("tokens")
    assert handle_hash(bytes.fromhex(stored["handle"])).hex() == stored["handle_hash"]
    assert grant_hash(bytes.fromhex(stored["grant"])).hex() == stored["grant_hash"]
    server = vectors("signing")
    assert key_digest(bytes.fromhex(server["server_key"])).hex() == server["server_key_digest"]


def test_same_compares_values_of_any_length() -> None:
    assert same(b"a" * 32, b"a" * 32)
    assert not same(b"a" * 32, b"a" * 31)
    assert not same(b"a", b"b")


def test_an_outline_shows_numerals_flags_and_enums_only() -> None:
    sample = Sample(3, True, Colour.RED, None, b"secret bytes", "a text", ["a text"])
    shown = outline(sample)
    assert shown == "Sample(count=3, ready=True, colour=<Colour.RED: 1>, nothing=None, secret=…, text=…, inner=…)"
    assert msgspec.structs.asdict(sample)["text"] not in shown
