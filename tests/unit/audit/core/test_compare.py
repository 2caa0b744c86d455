"""Two reports of the same experiment."""

from dataclasses import replace

from sayso.audit.core.compare import compare
from sayso.audit.core.findings import Unseen
from tests.fakes.audit_world import exchange, scan

BEFORE = scan(exchange(b"imei=490154203237518&n=%2B447700900123", record=0))
AFTER = scan(exchange(b"n=%2B447700900123&id=9f3c6b21d07ae548", record=7))
SILENT = scan(exchange(b"nothing=here"))
OPAQUE = Unseen("new.example", "", 443, "tls", "TLS without its keys", "", 10, 20, 1, "f", 0)


def test_what_appeared_vanished_and_stayed() -> None:
    result = compare(BEFORE, AFTER)
    assert [one.seed for one in result.appeared] == ["android_id"]
    assert [one.seed for one in result.vanished] == ["imei"]
    assert [one.seed for one in result.stayed] == ["msisdn"]
    assert not result.silent


def test_silence() -> None:
    result = compare(BEFORE, SILENT)
    assert result.silent
    assert len(result.vanished) == 2


def test_a_leak_that_moved_into_the_dark_is_no_silence() -> None:
    result = compare(BEFORE, replace(SILENT, not_seen_into=(OPAQUE,)))
    assert result.unseen_appeared == (OPAQUE,)
    assert not result.silent
    assert compare(replace(SILENT, not_seen_into=(OPAQUE,)), SILENT).unseen_vanished == (OPAQUE,)


def test_runs_with_other_seeds_cannot_be_compared_in_silence() -> None:
    result = compare(BEFORE, replace(SILENT, seeds=SILENT.seeds[1:]))
    assert result.other_seeds == (SILENT.seeds[0].id,)
    assert not result.silent
