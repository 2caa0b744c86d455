"""Decompression, by magic, by trial and by name."""

import gzip
import zlib

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from sayso.audit.core.decode import compressed

PLAIN = b'{"imei":"490154203237518","more":"text to be packed"}'
LIMIT = 1 << 20


def raw_deflate(data: bytes) -> bytes:
    engine = zlib.compressobj(wbits=-15)
    return engine.compress(data) + engine.flush()


PACKED = {
    "gzip": gzip.compress(PLAIN),
    "zlib": zlib.compress(PLAIN),
    "zstd": zstandard.compress(PLAIN),
    "deflate": raw_deflate(PLAIN),
    "brotli": brotli.compress(PLAIN),
}


def unpacked(view: bytes) -> list[tuple[str, bytes]]:
    every = (*compressed.by_magic(view, LIMIT), *compressed.by_trial(view, LIMIT))
    return [(one.coding, one.data) for one in every]


@pytest.mark.parametrize("coding", PACKED)
def test_each_coding_is_recognised(coding: str) -> None:
    assert unpacked(PACKED[coding]) == [(coding, PLAIN)]


@pytest.mark.parametrize("coding", ["gzip", "zlib", "zstd"])
def test_behind_the_bytes_of_a_framing(coding: str) -> None:
    assert (coding, PLAIN) in unpacked(b"\x00\x00\x00\x00\x42" + PACKED[coding])


def test_members_of_gzip_follow_each_other() -> None:
    assert compressed.gzip(gzip.compress(b"one ") + gzip.compress(b"two"), LIMIT).data == b"one two"


@pytest.mark.parametrize("coding", ["gzip", "zlib", "zstd"])
def test_what_comes_before_a_break_is_kept(coding: str) -> None:
    long = bytes(range(256)) * 40
    packed = {"gzip": gzip.compress(long), "zlib": zlib.compress(long), "zstd": zstandard.compress(long)}[coding]
    found = list(compressed.by_magic(packed[:-12], LIMIT))
    assert len(found) == 1
    assert long.startswith(found[0].data)


@pytest.mark.parametrize(
    ("name", "coding"), [("gzip", "gzip"), ("br", "brotli"), ("zstd", "zstd"), ("deflate", "zlib")]
)
def test_by_the_name_in_the_header(name: str, coding: str) -> None:
    assert [one.data for one in compressed.by_name(name, PACKED[coding], LIMIT)] == [PLAIN]


def test_deflate_without_its_wrapper_as_some_servers_send_it() -> None:
    assert [one.data for one in compressed.by_name("deflate", PACKED["deflate"], LIMIT)] == [PLAIN]


def test_codings_are_undone_from_the_last() -> None:
    twice = gzip.compress(PACKED["brotli"])
    assert [one.data for one in compressed.by_name("br, gzip", twice, LIMIT)] == [PACKED["brotli"], PLAIN]


def test_a_header_that_lies_ends_it() -> None:
    assert list(compressed.by_name("gzip", PLAIN, LIMIT)) == []
    assert list(compressed.by_name("unheard-of", PACKED["gzip"], LIMIT)) == []


@given(st.binary(max_size=300))
def test_whatever_comes_nothing_is_raised(data: bytes) -> None:
    unpacked(data)
    for magic in (compressed.GZIP, compressed.ZSTD, *compressed.ZLIB):
        unpacked(magic + data)
