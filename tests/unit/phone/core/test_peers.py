"""What a line knows of others, and when their keys count as changed."""

from dataclasses import replace

from sayso.phone.core.peers import (
    InCloud,
    Peer,
    discovered,
    keys_differ,
    not_enrolled,
    reached_under,
    with_certificate,
    without_keys,
)
from sayso.protocol.certificate import Certificate
from sayso.protocol.limits import DAY, LIMITS

PEER = Peer(line=bytes(16), number="+447700900102")


def certificate(device: bytes = b"d" * 16, *, expires: int = 1000) -> Certificate:
    return Certificate(
        epoch=1,
        token=b"t" * 33,
        commitment=bytes(32),
        device=device,
        ed25519=device * 2,
        curve25519=device * 2,
        expires=expires,
    )


def test_the_first_keys_are_no_change() -> None:
    known = with_certificate(PEER, certificate(), grant=b"")
    assert known.ever_in_cloud
    assert known.in_cloud is InCloud.YES
    assert not known.key_changed
    assert known.device == b"d" * 16


def test_other_keys_are_a_change_and_the_old_envelope_key_goes() -> None:
    known = replace(with_certificate(PEER, certificate(), grant=b"g" * 32), envelope_key=b"e", envelope_key_id=1)
    changed = with_certificate(known, certificate(b"n" * 16, expires=2000), grant=b"")
    assert changed.key_changed
    assert changed.device == b"n" * 16
    assert changed.envelope_key is None
    assert changed.grant == b"g" * 32


def test_a_late_message_of_the_old_device_does_not_turn_the_keys_back() -> None:
    new = with_certificate(PEER, certificate(b"n" * 16, expires=2000), grant=b"")
    late = with_certificate(new, certificate(b"d" * 16, expires=1000), grant=b"")
    assert late.device == b"n" * 16
    assert late.certificate_expires == 2000


def test_not_enrolled_keeps_that_it_ever_was() -> None:
    gone = not_enrolled(with_certificate(PEER, certificate(), grant=b""))
    assert gone.in_cloud is InCloud.NO
    assert gone.ever_in_cloud


def test_an_old_envelope_key_is_not_sealed_to() -> None:
    now = 100.0 * DAY
    fresh = replace(PEER, envelope_key=b"e", envelope_key_created=int(now))
    assert fresh.can_be_sealed_to(now)
    assert not fresh.can_be_sealed_to(now + LIMITS.envelope_key_fresh_s + 1)
    assert not without_keys(fresh).can_be_sealed_to(now)


def test_keys_of_an_unknown_peer_do_not_differ() -> None:
    assert not keys_differ(PEER, b"d", b"e", b"c")


def test_a_peer_shows_nothing_of_itself() -> None:
    assert "7700" not in repr(PEER)


def test_tokens_of_two_epochs_stand_side_by_side() -> None:
    old, new = b"\x01" * 33, b"\x02" * 33
    peer = Peer(line=b"l" * 16, number="+447700900101", token=old)
    found = reached_under(peer, new)
    assert (found.token, found.other_token) == (new, old)
    assert (found.token_in(1), found.token_in(2), found.token_in(3)) == (old, new, None)
    assert reached_under(found, old).token == old
    third = reached_under(found, b"\x02" + b"x" * 32)
    assert (third.token, third.other_token) == (b"\x02" + b"x" * 32, old)


def test_a_peer_that_is_reached_stays_where_it_is_when_another_token_is_discovered() -> None:
    old, new = b"\x01" * 33, b"\x02" * 33
    peer = Peer(line=b"l" * 16, number="+447700900101", token=old)
    assert discovered(peer, new).token == new
    reached = discovered(replace(peer, in_cloud=InCloud.YES), new)
    assert (reached.token, reached.other_token) == (old, new)
