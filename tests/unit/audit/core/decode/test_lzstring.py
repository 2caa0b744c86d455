"""Vectors made with the Python port of lz-string 1.4 (pieroxy.net)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.audit.core.decode import lzstring

JSON = '{"imei":"490154203237518","x":[1,2,3,"hello hello hello"]}'
LATIN = "héllo wörld ünï imei=490154203237518"
VECTORS = [
    (JSON, "N4IglgtgpmIFwgCwE4AMBGArIgTKgzDvgOyboAcIANCAB7wDa6VOV+NAFlADbcD2AAi69Bw/iAC6AXyA"),
    (JSON, "N4IglgtgpmIFwgCwE4AMBGArIgTKgzDvgOyboAcIANCAB7wDa6VOV+NAFlADbcD2AAi69Bw-iAC6AXyA"),
    (LATIN, "BYS4NmD2AEDuBvAnMATaAfgdge+gSwFsBTPAXgBYBOABgEYBWcgJmoGYnWB2e2gDiA"),
    ("+447700900123 +447700900123 aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "NQFhHZwBihOGCMAmAzAAlBadGrQQ0KOJNLKA"),
]
LIMIT = 1 << 16


@pytest.mark.parametrize(("plain", "token"), VECTORS)
def test_vectors_of_tokens(plain: str, token: str) -> None:
    assert list(lzstring.from_token(token.encode(), LIMIT)) == [("lz-string", plain.encode())]


def test_a_vector_in_utf16_signs() -> None:
    packed = (
        "\u02e2\u2e2d\u4c3e\u6024\u0790\u1be0\u4e80\u04fa\u011c\u0780\u3e14\u04d0\u0b80\u14ef\xdcx\u0290\x80\u08e0"
        "\u15bc\u406c\u6a26\u315a\u6096\u3dd4\u0102  "
    )
    assert list(lzstring.from_utf16(packed.encode(), LIMIT)) == [("lz-string", LATIN.encode())]


def test_a_bound_ends_it() -> None:
    assert list(lzstring.from_token(VECTORS[0][1].encode(), 20)) == []


@given(st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", min_size=16, max_size=200))
def test_whatever_comes_nothing_is_raised(token: str) -> None:
    for step, plain in lzstring.from_token(token.encode(), LIMIT):
        assert step == "lz-string"
        assert plain


@given(st.binary(max_size=100))
def test_whatever_bytes_come_nothing_is_raised(data: bytes) -> None:
    list(lzstring.from_utf16(data, LIMIT))
