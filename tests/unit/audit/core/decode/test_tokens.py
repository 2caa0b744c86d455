"""Runs of base64, base32 and hex."""

import base64
import hashlib
import re

from hypothesis import given
from hypothesis import strategies as st

from sayso.audit.core.decode import tokens


@given(st.binary(min_size=1, max_size=60))
def test_both_alphabets_without_padding(data: bytes) -> None:
    assert tokens.from_base64(base64.b64encode(data).rstrip(b"=")) == data
    assert tokens.from_base64(base64.urlsafe_b64encode(data).rstrip(b"=")) == data


def test_a_lone_last_sign_is_dropped() -> None:
    assert tokens.from_base64(b"QUJDR") == b"ABC"


def _worth(view: bytes) -> list[list[bytes]]:
    return list(tokens.worth_a_look(tokens.separate(view)))


def test_tokens_are_split_at_everything_else() -> None:
    assert _worth(b'{"a":"QUJD+/=ZZQUJD+/","b-c-d-e-f":12345678}') == [[b"ZZQUJD+/", b"b-c-d-e-f", b"12345678"]]


def test_short_tokens_and_short_words_are_no_digest_and_encode_nothing() -> None:
    shortest = [b"ABCDEFGH", b"abcdefg1", b"1abcdefg", b"abcdefg-", b"a" * 16]
    assert _worth(b" ".join([*shortest, b"ABCDEFG", b"1234567", b"a" * 15])) == [shortest]


@given(st.text(alphabet="abcdeXYZ019+/-_ .", max_size=400))
def test_the_tokens_worth_a_look_are_those_of_this_definition(text: str) -> None:
    several = re.findall(r"[A-Za-z0-9+/_-]+", text)
    meant = [one for one in several if len(one) >= 8 and not (len(one) < 16 and one.isalpha() and one.islower())]
    assert [token.decode() for several in _worth(text.encode()) for token in several] == meant


def test_a_large_view_is_split_in_pieces_and_no_token_is_cut() -> None:
    view = b" ".join(b"token%06d" % number for number in range(60_000))
    pieces = _worth(view)
    assert len(pieces) > 1
    assert [token for several in pieces for token in several] == view.split()


def test_what_is_one_token() -> None:
    assert tokens.is_token(b"aB0+/-_")
    assert not tokens.is_token(b"")
    assert not tokens.is_token(b"a b")


def test_text_and_not() -> None:
    assert tokens.is_text(b"plain text\r\n")
    assert tokens.is_text("Grüße, мир".encode())
    assert not tokens.is_text(b"a\x00b")
    assert not tokens.is_text(b"\xff\xfe\xfd")
    assert not tokens.is_text("ü\x01".encode())


def test_what_is_worth_trying_as_base64() -> None:
    assert tokens.worth_base64(b"c29ub3JvdXN0YWRh")
    assert not tokens.worth_base64(b"application")
    assert not tokens.worth_base64(b"1234567890123456")
    assert not tokens.worth_base64(b"SHORTname")


@given(st.text(alphabet="abcdefghij 0123456789@.", min_size=30, max_size=60), st.integers(1, 3))
def test_base64_behind_other_signs_is_found(text: str, lead: int) -> None:
    run = b"xyz"[:lead] + base64.b64encode(text.encode()).rstrip(b"=")
    assert text.encode() in [plain for _, plain in tokens.unaligned(run)]


def test_base32_in_one_case() -> None:
    run = base64.b32encode(b"a seed of text").rstrip(b"=")
    assert list(tokens.base32(run)) == [("base32", b"a seed of text")]
    assert list(tokens.base32(run.lower())) == [("base32", b"a seed of text")]
    assert list(tokens.base32(b"notbase32becauseofthis0189")) == []
    assert list(tokens.base32(b"abcdefghijklmno")) == []
    digest = hashlib.sha256(b"a seed").digest()
    assert list(tokens.base32(base64.b32encode(digest).rstrip(b"="))) == [("base32", digest)]


def test_hex_of_either_case() -> None:
    assert tokens.is_hex(b"00FFaa")
    assert not tokens.is_hex(b"00FFag")
    assert tokens.from_hex(b"00FFaa1") == b"\x00\xff\xaa"


def test_the_name_says_which_alphabet() -> None:
    assert tokens.base64_name(b"ab-_") == "base64url"
    assert tokens.base64_name(b"ab+/") == "base64"
