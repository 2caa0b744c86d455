"""Fields that follow the seed."""

import pytest

from sayso.audit.core.ab import Recording, followers
from sayso.audit.core.model import Chunk, Direction, Exchange, Field, NotSeen, Place
from tests.fakes.audit_world import PEER


def recording(*bodies: bytes, url: bytes = b"https://t.example/v1?sid=1") -> Recording:
    made = Recording()
    for number, body in enumerate(bodies):
        fields = (
            Field(Place.URL, "", url),
            Field(Place.BODY, "", body),
            Field(Place.HEADER, "Date", b"now-%d" % number),
            Field(Place.BODY, "", b"echo", Direction.RECEIVED),
        )
        made.feed(Exchange(number, None, PEER, "http/2", fields, encrypted=True, method="POST"))
    return made


def test_a_field_that_follows_the_seed_is_found_though_nobody_can_decode_it() -> None:
    first = recording(b'{"c":"9f31aa","t":"1111"}', b'{"c":"9f31aa","t":"2222"}')
    again = recording(b'{"c":"9f31aa","t":"3333"}')
    second = recording(b'{"c":"77b0e2","t":"4444"}')
    found = followers([first, again], [second])
    assert [(one.slot.name, one.proven, one.length) for one in found] == [("/c", True, 6)]
    assert found[0].slot.path == "/v1"


def test_with_one_recording_each_it_may_follow_the_session() -> None:
    found = followers([recording(b"c=aaaa&s=same")], [recording(b"c=bbbb&s=same")])
    assert [(one.slot.name, one.proven) for one in found] == [("c", False)]


def test_a_session_id_is_told_from_a_seed_by_the_second_recording() -> None:
    assert followers([recording(b"sid=aaaa"), recording(b"sid=bbbb")], [recording(b"sid=cccc")]) == ()


@pytest.mark.parametrize(
    ("place", "name", "one", "other"),
    [
        (Place.COOKIE, "Cookie", b"a=1; dev=aaaa", b"a=1; dev=bbbb"),
        (Place.HEADER, "X-Id", b"aaaa", b"bbbb"),
        (Place.BODY, "", b"\x00\x01aaaa", b"\x00\x01bbbb"),
        (Place.BODY, "", b'[{"deep":["aaaa"]}]', b'[{"deep":["bbbb"]}]'),
        (Place.URL, "", b"https://t.example/?q=aaaa", b"https://t.example/?q=bbbb"),
    ],
)
def test_in_every_place(place: Place, name: str, one: bytes, other: bytes) -> None:
    made = []
    for data in (one, other):
        now = Recording()
        now.feed(Exchange(0, None, PEER, "http/2", (Field(place, name, data),), encrypted=True))
        made.append(now)
    assert len(followers(made[:1], made[1:])) == 1


def test_streams_count_and_what_was_not_seen_does_not() -> None:
    made = []
    for data in (b"aaaa", b"bbbb"):
        now = Recording()
        now.feed(Chunk(0, None, PEER, "tcp", Field(Place.PAYLOAD, "", data), encrypted=False))
        now.feed(NotSeen(0, None, PEER, "tls", "x", 1, 2))
        made.append(now)
    assert len(followers(made[:1], made[1:])) == 1


def test_nothing_follows_from_nothing() -> None:
    assert followers([], [recording(b"a=aaaa")]) == ()
    assert followers([recording(b"{broken")], [recording(b"a=aaaa")]) == ()
