"""Escapes of text formats."""

import quopri
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.audit.core.decode import text


def steps(view: bytes) -> list[tuple[str, bytes]]:
    return list(text.whole_view(view))


@given(st.binary(max_size=200))
def test_percent_decoding_agrees_with_the_library(data: bytes) -> None:
    assert text.unquote(quote(data, safe="").encode()) == data


@given(st.text(alphabet="%0123456789abcdefXYZ=&+ \x01", max_size=60))
def test_broken_escapes_stay_as_they_are(given_text: str) -> None:
    from_library = __import__("urllib.parse", fromlist=["x"]).unquote_to_bytes(given_text)
    assert text.unquote(given_text.encode()) == from_library


def test_only_parameters_with_an_escape_are_decoded_again() -> None:
    assert steps(b"a=1&b=%41%42&c=3") == [("url", b"b=AB")]


def test_amid_bytes_no_string_goes_on_behind_a_control_character() -> None:
    assert steps(b"\x00\xff\xfe\x01a=%41\x02\xff\xfd")[0] == ("url", b"a=A")


def test_javascripts_escape() -> None:
    assert ("url", b"a@b") in steps(b"a%u0040b")


@pytest.mark.parametrize(
    ("view", "plain"),
    [
        (rb"\u0061\u0040\u0062", b"a@b"),
        (rb"a\/b\"c\n", b'a/b"c\n'),
        (rb"\x61\x40", b"a@"),
        (rb"\ud83d\ude00", "\U0001f600".encode()),
    ],
)
def test_escapes_of_json_and_c(view: bytes, plain: bytes) -> None:
    assert steps(view) == [("json", plain)]


def test_entities() -> None:
    assert steps(b"a&#64;b&amp;c&#x2e;d") == [("html", b"a@b&c.d")]


@given(st.text(min_size=6, max_size=80))
def test_quoted_printable(given_text: str) -> None:
    encoded = b"".join(b"=%02X" % byte for byte in given_text.encode())
    assert ("quoted-printable", given_text.encode()) in steps(b"x: " + encoded) or (
        "quoted-printable",
        b"x: " + given_text.encode(),
    ) in steps(b"x: " + encoded)


def test_soft_line_breaks() -> None:
    long = b"seed=40example.org " * 12
    view = quopri.encodestring(long)
    assert ("quoted-printable", long) in [(step, data.replace(b"=3D", b"=")) for step, data in steps(view)]


def test_a_query_string_is_no_quoted_printable() -> None:
    assert [step for step, _ in steps(b"a=12&b=34&c=ab&d=CD")] == []


def test_encoded_words() -> None:
    assert ("quoted-printable", b"a@b") in steps(b"=?utf-8?Q?a=40b?=")
    assert ("base64", b"hello!") in steps(b"=?utf-8?B?aGVsbG8h?=")


def test_wrapped_base64_is_joined() -> None:
    line = b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVpBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWkFCQ0RF"
    assert ("", line * 2 + b"RkdI") in steps(line + b"\r\n" + line + b"\r\nRkdI")


@pytest.mark.parametrize("name", ["utf-16le", "utf-16be"])
def test_utf16(name: str) -> None:
    assert list(text.utf16("a seed".encode(name))) == [(name, b"a seed")]


def test_plain_text_has_no_further_view() -> None:
    assert steps(b"nothing in here = nothing, (really)") == []


@pytest.mark.parametrize(
    ("view", "data"),
    [
        (b"[0, 127, -128, -1, 5, 6, 7, 8, 9, 10, 11, 12]", b"\0\x7f\x80\xff\x05\x06\x07\x08\x09\x0a\x0b\x0c"),
        (b'{"b":[255,254,3,4,5,6,7,8,9,10,11,12],"c":[1,2]}', b"\xff\xfe\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c"),
    ],
)
def test_bytes_as_a_list_of_numbers(view: bytes, data: bytes) -> None:
    assert list(text.listed(view)) == [("codes", data)]


@pytest.mark.parametrize(
    "view", [b"[1,2,3]", b"[256" + b",1" * 12 + b"]", b"[-129" + b",1" * 12 + b"]", b"[1" + b",1" * 12]
)
def test_other_numbers_are_no_bytes(view: bytes) -> None:
    assert list(text.listed(view)) == []
