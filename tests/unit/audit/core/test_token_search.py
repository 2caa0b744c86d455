"""Digests and encodings in one token."""

import base64
import hashlib
import zlib

import pytest

from sayso.audit.core.digests import DigestIndex, checksums, digests_of
from sayso.audit.core.forms import Edge
from sayso.audit.core.forms.form import text_form
from sayso.audit.core.token_search import TokenSearch

VALUE = b"490154203237518"
FORM = text_form("plain", VALUE.decode(), Edge.DIGIT, hashed=2)
KNOWN = {key: [one] for key, one in checksums(0, [FORM])}
SEARCH = TokenSearch(DigestIndex(digests_of(0, [FORM])), KNOWN)
MD5 = hashlib.md5(VALUE, usedforsecurity=False).hexdigest().encode()
SHA1 = base64.urlsafe_b64encode(hashlib.sha1(VALUE, usedforsecurity=False).digest()).rstrip(b"=")


@pytest.mark.parametrize(
    ("token", "chain"),
    [
        (MD5, ("hex", "md5")),
        (b"id_" + MD5, ("hex", "md5")),
        (b"v1-" + SHA1, ("base64", "sha1")),
        (b"/dev/" + SHA1[:16] + b"/activating", ("base64[:16]", "sha1")),
        (b"path/" + SHA1[:16], ("base64[:16]", "sha1")),
        (b"-".join((MD5[:8], MD5[8:12], MD5[12:16], MD5[16:20], MD5[20:])), ("uuid", "md5")),
        (b"00ab" + MD5, ("hex", "md5")),
        (MD5 + b"0" * 32 + b"ab", ("hex", "md5")),
        (f"{zlib.crc32(VALUE):08x}".encode(), ("hex", "crc32")),
        (str(zlib.crc32(VALUE)).encode(), ("decimal", "crc32")),
    ],
)
def test_digests_in_tokens(token: bytes, chain: tuple[str, ...]) -> None:
    assert chain in {hit.chain for hit in SEARCH.digests(token)}


@pytest.mark.parametrize("token", [MD5[:-1] + b"g", b"x" * 40, b"0" * 31, SHA1[:15] + b"_" + SHA1[16:]])
def test_what_is_no_digest_of_it(token: bytes) -> None:
    assert [hit for hit in SEARCH.digests(token) if not hit.chain[0].endswith("]")] == []


def test_the_groups_of_a_uuid_are_no_cut_digests() -> None:
    assert SEARCH.digests(MD5[:8] + b"-1111-4222-8333-444455556666") == []
    assert SEARCH.digests(b"a-" + MD5[:8] + b"-b") != []


@pytest.mark.parametrize(
    ("token", "step"),
    [
        (base64.b64encode(b"a readable text!"), ("base64", b"a readable text!")),
        (b"a readable text!".hex().encode(), ("hex", b"a readable text!")),
        (b"0" + b"a readable text!".hex().encode(), ("hex", b"a readable text!")),
        (b"prefix/x/" + base64.b64encode(b"some readable text!"), ("base64", b"some readable text!")),
    ],
)
def test_what_a_token_may_be(token: bytes, step: tuple[str, bytes]) -> None:
    assert step in list(SEARCH.decoded(token.rstrip(b"="), 1000))


def test_words_are_not_decoded() -> None:
    assert list(SEARCH.decoded(b"application", 1000)) == []
    assert list(SEARCH.decoded(b"content-type", 1000)) == []
