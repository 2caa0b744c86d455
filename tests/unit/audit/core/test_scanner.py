"""Events in, report out."""

import base64
import gzip
import hashlib
from collections.abc import Callable
from random import Random

import pytest

from sayso.audit.adapters.aho_corasick import AhoCorasickEngine
from sayso.audit.core.decode.budget import Bounds
from sayso.audit.core.findings import Certainty
from sayso.audit.core.fresh import decoys_for
from sayso.audit.core.model import Chunk, Direction, Exchange, Field, Mark, NotSeen, Peer, Place
from sayso.audit.core.phases import Phases
from sayso.audit.core.scanner import Scanner, Settings
from sayso.audit.core.seed_types import Seed, SeedSet
from tests.fakes.audit_world import PEER, SEEDS, Ticks, chains, exchange, findings, scan, scanner

IMEI = b"490154203237518"


def hashed(value: bytes) -> bytes:
    """What the phone of 2014 made of its IMEI and IMSI."""
    return base64.urlsafe_b64encode(hashlib.sha1(value, usedforsecurity=False).digest())[:16]


def test_the_documented_traffic_of_2014() -> None:
    number = Field(Place.URL, "", b"http://api.example/pass/v3/user@id?type=MXPH&externalId=07700900456")
    cookie = Field(Place.COOKIE, "Cookie", b"deviceId=" + IMEI + b"; uLocale=en_GB")
    path = Field(
        Place.URL,
        "",
        b"http://api.example/pass/activate/dev/" + hashed(IMEI) + b"/activating?imsi=" + hashed(b"001010123456789"),
    )
    report = scan(
        Exchange(0, 1.0, PEER, "http/1.1", (number, cookie), encrypted=False, method="GET"),
        Exchange(1, 2.0, PEER, "http/1.1", (path,), encrypted=False, method="GET"),
    )
    found = {(one.seed, one.record, one.chain, one.place, one.certainty) for one in report.findings}
    sure = Certainty.CERTAIN
    assert found == {
        ("contact_number", 0, ("national",), Place.URL, sure),
        ("imei", 0, ("plain",), Place.COOKIE, sure),
        ("imei", 1, ("base64[:16]", "sha1"), Place.URL, sure),
        ("imsi", 1, (found_coding(hashed(b"001010123456789")), "sha1"), Place.URL, sure),
    }
    assert report.findings[0].url == "http://api.example/pass/v3/user@id"
    assert report.findings[0].path == "externalId"
    assert report.findings[0].encrypted_on_wire is False


def found_coding(run: bytes) -> str:
    return "base64url[:16]" if b"-" in run or b"_" in run else "base64[:16]"


def test_directions_and_phases() -> None:
    made = scanner()
    made.feed(Mark(100.0, "login"))
    made.feed(exchange(IMEI, record=0, time=50.0))
    made.feed(exchange(IMEI, record=1, time=150.0, direction=Direction.RECEIVED))
    first, second = made.report().findings
    assert (first.phase, first.direction) == ("before the first phase", Direction.SENT)
    assert (second.phase, second.direction) == ("login", Direction.RECEIVED)
    assert made.report().phases == ("login", "before the first phase")


def test_the_same_twice_in_one_place_counts_twice() -> None:
    made = scanner()
    made.feed(exchange(b"a=" + IMEI))
    made.feed(exchange(b"a=" + IMEI))
    made.feed(exchange(b"a=" + IMEI, record=1))
    assert [one.count for one in made.report().findings] == [2, 1]


def test_a_seed_across_two_pieces_of_a_stream() -> None:
    made = scanner()
    for data, end in ((b"\x01id=490154", False), (b"203237518;", False), (b"more", True)):
        made.feed(Chunk(3, None, PEER, "tcp", Field(Place.PAYLOAD, "", data), encrypted=False, end=end))
    assert [(one.seed, one.count) for one in made.report().findings if one.certainty] == [("imei", 1)]


def test_streams_do_not_mix() -> None:
    made = scanner()
    for record, data in ((1, b"id=490154"), (2, b"203237518;")):
        made.feed(Chunk(record, None, PEER, "tcp", Field(Place.PAYLOAD, "", data), encrypted=False))
    assert made.report().findings == ()


@pytest.mark.parametrize(
    "name",
    [
        b"490154203237518.t.example",
        b"490154203.237518.t.example",
        base64.b32encode(b"imei=" + IMEI).rstrip(b"=").lower() + b".t.example",
        b".".join(
            (
                base64.b32encode(b"imei=" + IMEI).rstrip(b"=")[:16],
                base64.b32encode(b"imei=" + IMEI).rstrip(b"=")[16:],
                b"x.y",
            )
        ),
        IMEI.hex().encode()[:20] + b"." + IMEI.hex().encode()[20:] + b".t.example",
    ],
)
def test_values_in_labels_of_a_name(name: bytes) -> None:
    assert chains(name, "imei", place=Place.DNS)


def test_what_was_not_seen_into_is_listed_with_its_bytes() -> None:
    made = scanner()
    for number in range(3):
        made.feed(
            NotSeen(number, 5.0, Peer("pinned.example", "192.0.2.9", 443), "tls", "TLS without its keys", 100, 1000)
        )
    made.feed(exchange(Random(1).randbytes(5000)))
    unseen = made.report().not_seen_into
    assert [(one.host, one.sent, one.received, one.times) for one in unseen] == [
        ("pinned.example", 300, 3000, 3),
        ("tracker.example", unseen[1].sent, 0, 1),
    ]
    assert 4_900 < unseen[1].sent <= 5_000


def test_a_bound_that_stopped_the_decoding_is_listed() -> None:
    made = scanner(bounds=Bounds(exchange_bytes=10))
    made.feed(exchange(b"a%20long%20text,%20longer%20than%20ten%20bytes"))
    assert "decoding stopped" in made.report().not_seen_into[0].reason


def test_decoys_are_looked_for_and_told_apart() -> None:
    decoys = decoys_for(SEEDS, Random(1), each=2)
    made = scanner(decoys=decoys)
    made.feed(exchange(b"x=" + decoys[0].value.encode()))
    report = made.report()
    assert report.findings == ()
    assert report.decoys.count == 2 * len(SEEDS)
    assert [one.seed for one in report.decoys.found] == [decoys[0].id]


def test_parts_of_a_decoy_are_not_looked_for() -> None:
    seed = next(one for one in SEEDS if one.id == "email")
    decoy = Seed("d", seed.type, "other.person99@example.org", decoy=True)
    made = scanner([seed], [decoy])
    made.feed(exchange(b"a=example.org&b=other.person99x"))
    assert made.report().decoys.found == ()


def test_what_the_report_keeps_is_bounded_and_the_rest_is_counted() -> None:
    settings = Settings(findings=5, evidence=2, not_seen=3)
    made = Scanner(SeedSet(SEEDS), settings, engine=AhoCorasickEngine(), monotonic=Ticks())
    made.begin("f")
    for number in range(20):
        made.feed(exchange(IMEI, record=number))
        made.feed(NotSeen(number, None, Peer(f"h{number}.example"), "tls", "x", 1, 1))
    report = made.report()
    assert len(report.findings) == 5
    assert sum(one.count for one in report.findings) == 20
    assert report.stats.findings_beyond == 15
    assert [bool(one.evidence.marked) for one in report.findings] == [True, True, False, False, False]
    assert len(report.not_seen_into) == 4
    assert sum(one.times for one in report.not_seen_into) == 20


def test_owners_phases_and_notes() -> None:
    made = Scanner(
        SeedSet(SEEDS),
        engine=AhoCorasickEngine(),
        monotonic=Ticks(step=1),
        phases=Phases((0.0,), ("boot",)),
        owner=lambda host: f"owner of {host}",
    )
    made.begin("f")
    made.note("a file broke off", partial=True)
    made.feed(exchange(IMEI, time=3.0))
    report = made.report()
    assert report.findings[0].owner == "owner of tracker.example"
    assert report.findings[0].phase == "boot"
    assert report.partial
    assert "a file broke off" in report.notes
    assert report.stats.seconds > 0


def test_a_report_never_holds_the_value_of_a_seed_outside_the_evidence() -> None:
    found = findings(b"x=" + IMEI)
    assert "490154203237518" not in repr(found)


@pytest.mark.parametrize("pack", [gzip.compress, base64.b64encode])
def test_what_lies_behind_too_many_layers_is_not_seen_into(pack: Callable[[bytes], bytes]) -> None:
    data = b"imei=490154203237518&and=more"
    for _ in range(12):
        data = pack(data)
    made = scanner()
    made.feed(exchange(data))
    assert "decoding stopped at its bound (depth)" in {one.reason for one in made.report().not_seen_into}
