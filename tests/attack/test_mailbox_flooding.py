"""Mailbox flooding and jamming: many, large, unreadable, never acknowledged."""

import pytest

from sayso.protocol.frames import DepositState, Refusal, Unreadable
from sayso.protocol.limits import KIB, LIMITS
from sayso.server.core.lines import Line
from sayso.server.core.relay.mailbox import STRANGER_BYTES
from tests.fakes.relay_world import Client, RelayWorld


@pytest.fixture
def world() -> RelayWorld:
    return RelayWorld()


@pytest.fixture
def line(world: RelayWorld) -> Line:
    return world.line("bob")


def flood(world: RelayWorld, line: Line, *, size: int, granted: bool = False) -> tuple[Client, int]:
    """Deposit until it is refused; returns who did, and how many were taken."""
    client = world.client()
    for number in range(LIMITS.mailbox_envelopes + 1):
        ref = client.deposit(line, number.to_bytes(8, "big") + bytes(size - 8), granted=granted)
        if client.answer(ref) is Refusal.MAILBOX_FULL:
            world.advance(1)
            return client, number
        if client.sender.open_tickets > 1000:
            world.advance(1)
    raise AssertionError("never full")


@pytest.mark.parametrize("size", [2 * KIB, 64 * KIB])
def test_strangers_cannot_jam_a_mailbox_for_contacts(world: RelayWorld, line: Line, size: int) -> None:
    """Neither by number nor by size."""
    _, taken = flood(world, line, size=size)
    assert taken == min(LIMITS.mailbox_stranger_envelopes, STRANGER_BYTES // size)
    contact = world.client()
    refs = [contact.deposit(line, b"%d" % number + bytes(8 * KIB)) for number in range(500)]
    world.settle()
    assert {contact.answer(ref) for ref in refs} == {DepositState.ACCEPTED}


def test_many_strangers_share_one_share(world: RelayWorld, line: Line) -> None:
    flood(world, line, size=2 * KIB)
    other = world.client()
    assert other.answer(other.deposit(line, b"hello", granted=False)) is Refusal.MAILBOX_FULL


def test_a_flooded_mailbox_is_bounded_in_count_and_bytes(world: RelayWorld, line: Line) -> None:
    flood(world, line, size=64 * KIB)
    flood(world, line, size=64 * KIB, granted=True)
    count, size = world.relay.holdings(line.device)
    assert size <= LIMITS.mailbox_bytes
    assert count <= LIMITS.mailbox_envelopes


def test_a_refused_sender_keeps_its_queue_and_gets_through_later(world: RelayWorld, line: Line) -> None:
    sender, taken = flood(world, line, size=2 * KIB, granted=True)
    phone = world.connect(line)
    while world.relay.holdings(line.device)[0]:
        world.settle()
        phone.ack_all()
    ref = sender.deposit(line, b"later")
    world.settle()
    phone.ack(b"later")
    assert sender.answer(ref) in {DepositState.ACCEPTED, DepositState.DELIVERED}
    assert taken == LIMITS.mailbox_envelopes


def test_unreadable_envelopes_do_not_jam_the_window(world: RelayWorld, line: Line) -> None:
    """The phone cannot open them and says so: each frees its place, and what a contact sent comes through."""
    flood(world, line, size=2 * KIB)
    contact = world.client()
    contact.deposit(line, b"hello")
    world.settle()
    phone = world.connect(line)
    for _ in range(10):
        world.settle()
        for envelope in phone.got:
            if envelope != b"hello":
                phone.ack(envelope, Unreadable.MALFORMED)
    assert b"hello" in phone.got
    assert phone.link.caught_up == 1
    assert world.stored == [b"hello"]


def test_a_phone_that_never_acknowledges_gets_a_window_and_costs_no_more(world: RelayWorld, line: Line) -> None:
    client = world.client()
    phone = world.online(line)
    for number in range(1000):
        client.deposit(line, number.to_bytes(8, "big") + bytes(8 * KIB))
        if number % 50 == 0:
            world.advance(0.3)
    world.advance(5)
    assert LIMITS.unacknowledged_envelopes // 2 <= len(phone.got) <= LIMITS.unacknowledged_envelopes
    world.relay.sweep(now=world.now)  # once a minute even a place or two is filled
    world.advance(5)
    assert len(phone.got) == LIMITS.unacknowledged_envelopes
    in_memory = [entry for entry in phone.mailbox.waiting.values() if entry.envelope is not None]
    assert len(in_memory) <= LIMITS.unacknowledged_envelopes


def test_one_mailbox_that_is_flooded_does_not_touch_another(world: RelayWorld, line: Line) -> None:
    flood(world, line, size=64 * KIB)
    other, contact = world.line("carol"), world.client()
    phone = world.online(other)
    ref = contact.deposit(other, b"hello", granted=False)
    phone.ack(b"hello")
    world.advance(1)
    assert contact.answer(ref) is DepositState.ACCEPTED
