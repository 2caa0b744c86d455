"""One view against every form."""

import base64

import pytest

from sayso.audit.adapters.aho_corasick import AhoCorasickEngine
from sayso.audit.core.forms import expand
from sayso.audit.core.matching import SLICE, Matching
from tests.fakes.audit_world import SEEDS

MATCHING = Matching([expand(seed) for seed in SEEDS], AhoCorasickEngine())
IMEI = b"490154203237518"


def names(data: bytes, *, readable: bool = True, xor: bool = False) -> set[tuple[str, ...]]:
    return {hit.chain for hit in MATCHING.match(data, readable=readable, xor=xor)[0] if not hit.part}


@pytest.mark.parametrize(
    ("data", "chain"),
    [
        (b"x heron.vexmoor81@example.org", ("plain",)),
        (b"x HERON.VEXMOOR81@EXAMPLE.ORG", ("upper",)),
        (b"x hErOn.VEXMOOR81@example.org", ("mixed-case",)),
        (b"49015420323751812", ("none",)),
        (b"x 4901542032375178 y", ("16-digit",)),
        (b"52:48:49:", ("none",)),
        (b",".join(b"%d" % byte for byte in IMEI), ("codes", "plain")),
        (b"[4,9,0,1,5,4,2,0,3,2,3,7,5,1,8]", ("digits", "plain")),
        (b"[4, 9, 0, 1, 5, 4, 2, 0, 3, 2, 3, 7, 5, 1, 8]", ("digits", "plain")),
    ],
)
def test_forms_by_their_names(data: bytes, chain: tuple[str, ...]) -> None:
    assert names(data) == (set() if chain == ("none",) else {chain})


def test_a_trigger_asks_to_decode_the_run_around_it() -> None:
    run = base64.b64encode(b'{"id":"' + IMEI + b'"}')
    decoded = MATCHING.match(b"p=x/" + run + b"&y", readable=True, xor=False)[1]
    assert next(name for name, _, plain in decoded if IMEI in plain) == "base64"


def test_bytes_are_matched_only_where_there_are_some() -> None:
    packed = int(IMEI).to_bytes(8, "little")
    assert names(b"\x01" + packed + b"\x02", readable=False) == {("int64le",)}
    assert names(b"\x01" + packed + b"\x02") == set()


def test_xor_with_one_byte() -> None:
    data = b"\x01\x02" + bytes(byte ^ 0xA5 for byte in b"id=" + IMEI)
    decoded = MATCHING.match(data, readable=False, xor=False)[1]
    assert ("xor:a5", IMEI) in [(name, plain[-15:]) for name, _, plain in decoded]


def test_a_match_across_two_slices() -> None:
    data = b" " * (SLICE - 7) + IMEI + b" " * 10
    assert names(data) == {("plain",)}


def test_what_deserves_a_look() -> None:
    assert MATCHING.is_interesting(b"\x00\xff" + IMEI)
    assert MATCHING.is_interesting(b"\x00\xffreadable text in here\x00")
    assert not MATCHING.is_interesting(bytes(range(128, 200, 3)))
    assert not MATCHING.may_hold([bytes(range(128, 200, 3))])
