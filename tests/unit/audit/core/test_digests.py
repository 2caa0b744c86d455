"""Digests, whole and cut."""

import base64
import hashlib
import hmac
import uuid
import zlib

import pytest

from sayso.audit.core.digests import ALGORITHMS, DigestIndex, Recognised, checksums, digests_of
from sayso.audit.core.forms import Edge
from sayso.audit.core.forms.form import text_form
from sayso.audit.core.seed_types import Secret

VALUE = "490154203237518"
FORM = text_form("plain", VALUE, Edge.DIGIT, hashed=2)
INDEX = DigestIndex(digests_of(0, [FORM], [Secret("app", b"com.example")], [Secret("k", b"key")]))
SHA1 = hashlib.sha1(VALUE.encode(), usedforsecurity=False).digest()
MD5 = hashlib.md5(VALUE.encode(), usedforsecurity=False)


def read(found: list[Recognised]) -> set[tuple[str, ...]]:
    return {(one.coding, *one.digest.chain) for one in found}


def test_the_digest_that_the_phone_of_2014_sent() -> None:
    assert base64.urlsafe_b64encode(SHA1)[:16] == b"l6IQUjLsyHVvA6Ap"
    assert read(INDEX.in_base64(b"l6IQUjLsyHVvA6Ap")) == {("base64[:16]", "sha1")}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_in_every_writing(name: str) -> None:
    value = ALGORITHMS[name](VALUE.encode())
    assert read(INDEX.in_hex(value.hex().encode())) == {("hex", name)}
    assert read(INDEX.in_hex(value.hex().upper().encode())) == {("hex.upper", name)}
    assert read(INDEX.in_hex(value.hex()[:16].encode())) == {("hex[:16]", name)}
    assert read(INDEX.in_bytes(value)) == {("raw", name)}
    run = base64.b64encode(value).rstrip(b"=")
    assert {one[-1] for one in read(INDEX.in_base64(run))} == {name}


def test_the_middle_of_an_md5() -> None:
    assert read(INDEX.in_hex(MD5.hexdigest()[8:24].encode())) == {("hex[8:24]", "md5")}


def test_digests_of_digests_and_what_lies_between() -> None:
    of_hex = hashlib.sha256(MD5.hexdigest().encode()).hexdigest()
    of_raw = hashlib.sha256(MD5.digest()).hexdigest()
    assert read(INDEX.in_hex(of_hex.encode())) == {("hex", "sha256", "md5")}
    assert read(INDEX.in_hex(of_raw.encode())) == {("hex", "sha256", "raw", "md5")}
    twice = hashlib.md5(MD5.hexdigest().encode(), usedforsecurity=False).hexdigest()
    thrice = hashlib.md5(twice.encode(), usedforsecurity=False).hexdigest()
    assert read(INDEX.in_hex(thrice.encode())) == {("hex", "md5", "md5", "md5")}


def test_salts_and_keys() -> None:
    salted = hashlib.sha256(b"com.example" + VALUE.encode()).hexdigest().encode()
    found = INDEX.in_hex(salted)
    assert read(found) == {("hex", "sha256.salted")}
    assert found[0].digest.detail == "salt 'app' before"
    keyed = hmac.new(b"key", VALUE.encode(), "sha1").hexdigest().encode()
    assert read(INDEX.in_hex(keyed)) == {("hex", "hmac-sha1")}


def test_a_digest_that_goes_on_differently_is_none() -> None:
    whole = MD5.hexdigest()
    other = whole[:20] + ("0" if whole[20] != "0" else "1") + whole[21:]
    assert INDEX.in_hex(other.encode()) == []
    assert INDEX.in_base64(b"l6IQUjLsyHVvA6Aq") == []
    assert INDEX.in_bytes(SHA1[:12] + bytes(8)) == []


def test_checksums_are_kept_apart() -> None:
    known = dict(checksums(0, [FORM]))
    assert f"{zlib.crc32(VALUE.encode()):08x}".encode() in known


def test_a_uuid_made_from_the_value_is_known_whole_only() -> None:
    """Its first bytes are those of the plain digest, which a cut one is."""
    named = uuid.UUID(bytes=MD5.digest(), version=3)
    assert read(INDEX.in_hex(named.hex.encode())) == {("hex", "md5.uuid3")}
    assert read(INDEX.in_bytes(named.bytes)) == {("raw", "md5.uuid3")}
    assert read(INDEX.in_hex(named.hex[:12].encode())) == {("hex[:12]", "md5")}
    spaced = uuid.uuid5(uuid.NAMESPACE_DNS, VALUE)
    assert read(INDEX.in_hex(spaced.hex.upper().encode())) == {("hex.upper", "sha1.uuid5")}


def test_a_cut_digest_without_letters_proves_little() -> None:
    """Eight decimal digits are a date or a counter: ids of an ordinary answer were met as cut digests."""
    value = next(value for at in range(1_000) if (value := hashlib.sha256(b"%d" % at).hexdigest())[:8].isdigit())
    at = next(at for at in range(1_000) if hashlib.sha256(b"%d" % at).hexdigest() == value)
    index = DigestIndex(digests_of(0, [text_form("plain", str(at), Edge.DIGIT, hashed=1)]))
    assert [one.bits < 20 for one in index.in_hex(value[:8].encode())] == [True]
    assert [one.bits for one in index.in_hex(value[:16].encode())] == [64.0]
