"""How custody ends: acknowledgement, time, doubt."""

import pytest

from sayso.protocol.frames import DepositState, OutcomeState, Refusal, Unreadable
from sayso.protocol.limits import LIMITS
from sayso.server.core.lines import Line
from sayso.server.core.relay.entries import Ticket
from tests.fakes.relay_world import Client, Phone, RelayWorld


@pytest.fixture
def world() -> RelayWorld:
    return RelayWorld()


@pytest.fixture
def line(world: RelayWorld) -> Line:
    return world.line("bob")


@pytest.fixture
def client(world: RelayWorld) -> Client:
    return world.client()


def waiting(world: RelayWorld, line: Line, client: Client, *, ttl_s: int = 3600, granted: bool = True) -> None:
    client.deposit(line, b"one", ttl_s=ttl_s, granted=granted)
    world.advance(1)
    assert world.stored == [b"one"]


def handed(world: RelayWorld, line: Line, client: Client, *, ttl_s: int = 3600, granted: bool = True) -> Phone:
    waiting(world, line, client, ttl_s=ttl_s, granted=granted)
    phone = world.online(line)
    assert phone.got == [b"one"]
    return phone


# Acknowledgement


def test_the_transaction_that_deletes_an_envelope_writes_its_outcome(
    world: RelayWorld, line: Line, client: Client
) -> None:
    phone = handed(world, line, client)
    world.store.commits.clear()
    phone.ack(b"one")
    assert client.news(b"one") == [OutcomeState.DELIVERED]
    world.settle()
    (batch,) = world.store.commits
    assert [outcome.state for _, outcome in batch.settled] == [OutcomeState.DELIVERED]
    assert world.stored == []


def test_unreadable_frees_the_slot_and_is_told_when_durable(world: RelayWorld, line: Line, client: Client) -> None:
    phone = handed(world, line, client)
    phone.ack(b"one", Unreadable.ENVELOPE_KEY)
    assert client.news(b"one") == []
    assert phone.mailbox.in_flight == 0
    world.settle()
    assert client.news(b"one") == [OutcomeState.UNREADABLE]


def test_a_second_acknowledgement_changes_nothing(world: RelayWorld, line: Line, client: Client) -> None:
    phone = handed(world, line, client)
    phone.ack(b"one")
    phone.ack(b"one", Unreadable.RATCHET)
    world.settle()
    phone.ack(b"one", Unreadable.RATCHET)
    world.settle()
    assert world.outcome(b"one") is OutcomeState.DELIVERED
    assert client.news(b"one") == [OutcomeState.DELIVERED]


def test_a_stranger_gets_no_news(world: RelayWorld, line: Line, client: Client) -> None:
    phone = handed(world, line, client, granted=False)
    phone.ack(b"one")
    world.advance(LIMITS.stranger_recall_s + 1)
    assert client.news(b"one") == []


def test_news_for_a_sender_who_is_gone_is_kept_under_the_handle(world: RelayWorld, line: Line, client: Client) -> None:
    phone = handed(world, line, client)
    client.leave()
    phone.ack(b"one")
    world.settle()
    later = world.client()
    ref = later.ask(b"one")
    world.advance(1)
    assert later.answer(ref) is OutcomeState.DELIVERED
    later.collect(b"one")
    world.settle()
    assert world.disk.outcomes == {}


# Time


def test_what_never_left_expires_for_good(world: RelayWorld, line: Line, client: Client) -> None:
    waiting(world, line, client, ttl_s=60)
    world.advance(60)
    world.relay.sweep(now=world.now)
    assert client.news(b"one") == []  # an SMS may follow: it must be durable first
    world.settle()
    assert client.news(b"one") == [OutcomeState.EXPIRED]
    assert world.outcome(b"one") is OutcomeState.EXPIRED
    assert world.online(line).got == []
    world.assert_empty()


def test_a_crash_just_before_that_tells_nobody_and_expires_again(world: RelayWorld, line: Line, client: Client) -> None:
    waiting(world, line, client, ttl_s=60)
    world.advance(60)
    world.relay.sweep(now=world.now)
    world.crash()
    assert client.news(b"one") == []
    world.relay.sweep(now=world.now)
    world.settle()
    assert world.outcome(b"one") is OutcomeState.EXPIRED


def test_what_waits_for_a_line_that_lapses_is_gone(world: RelayWorld, line: Line, client: Client) -> None:
    waiting(world, line, client, ttl_s=LIMITS.ttl_max_s)
    world.advance(line.lease_ends - world.now)
    world.relay.sweep(now=world.now)
    world.settle()
    assert client.news(b"one") == [OutcomeState.GONE]


def test_what_was_handed_expires_into_doubt_and_the_device_has_the_word(
    world: RelayWorld, line: Line, client: Client
) -> None:
    phone = handed(world, line, client, ttl_s=60)
    world.advance(60)
    world.relay.sweep(now=world.now)
    assert phone.link.withdrawn == []
    world.settle()
    assert len(phone.link.withdrawn) == 1
    assert world.stored == []
    assert client.news(b"one") == []
    phone.withdrawn(b"one", had_it=False)
    world.settle()
    assert world.outcome(b"one") is OutcomeState.EXPIRED
    world.assert_empty()


def test_what_is_being_handed_at_the_moment_it_expires_is_not_sent(
    world: RelayWorld, line: Line, client: Client
) -> None:
    waiting(world, line, client, ttl_s=60)
    world.advance(60)
    phone = world.connect(line)
    world.take()
    world.relay.sweep(now=world.now)  # the mark is on its way
    world.settle()
    assert phone.got == []
    assert phone.link.caught_up == 1
    assert client.news(b"one") == [OutcomeState.EXPIRED]


def test_a_doubt_ends_after_fourteen_days(world: RelayWorld, line: Line, client: Client) -> None:
    phone = handed(world, line, client, ttl_s=60)
    phone.leave()
    world.advance(60)
    world.relay.sweep(now=world.now)
    world.settle()
    world.advance(LIMITS.outcome_kept_s)
    world.relay.sweep(now=world.now)
    world.settle()
    assert world.outcome(b"one") is OutcomeState.UNKNOWN
    world.assert_empty()


# Doubt


@pytest.mark.parametrize("had_it", [True, False])
def test_a_doubt_survives_a_restart_and_is_asked_about_at_each_login(
    world: RelayWorld, line: Line, client: Client, *, had_it: bool
) -> None:
    handed(world, line, client).leave()
    client.recall(b"one")
    world.settle()
    assert world.doubted(b"one")
    for _ in range(2):
        world.crash()
        phone = world.connect(line)
        world.settle()
        assert len(phone.link.withdrawn) == 1
        assert phone.got == []
    phone.withdrawn(b"one", had_it=had_it)
    world.settle()
    assert world.outcome(b"one") is (OutcomeState.DELIVERED if had_it else OutcomeState.RECALLED)
    assert world.disk.doubts == {}
    again = world.online(line)
    assert again.link.withdrawn == []


def test_a_device_is_asked_only_when_the_doubt_is_durable(world: RelayWorld, line: Line, client: Client) -> None:
    """It notes never to show the envelope. If the doubt were lost, it would be given the envelope again."""
    handed(world, line, client).leave()
    client.recall(b"one")
    assert world.look_up()
    phone = world.connect(line)
    assert phone.link.withdrawn == []
    world.take()
    assert phone.link.withdrawn == []
    world.land()
    assert phone.link.withdrawn


@pytest.mark.parametrize(
    ("code", "outcome"),
    [(Unreadable.SHOWN, OutcomeState.DELIVERED), (Unreadable.RATCHET, OutcomeState.RECALLED)],
)
def test_an_acknowledgement_answers_a_withdrawal_too(
    world: RelayWorld, line: Line, client: Client, code: Unreadable, outcome: OutcomeState
) -> None:
    phone = handed(world, line, client)
    client.recall(b"one")
    world.settle()
    phone.ack(b"one", code)
    world.settle()
    assert world.outcome(b"one") is outcome
    phone.withdrawn(b"one", had_it=False)  # too late
    world.settle()
    assert world.outcome(b"one") is outcome


def test_withdrawn_for_what_was_never_asked_changes_nothing(world: RelayWorld, line: Line, client: Client) -> None:
    phone = handed(world, line, client)
    phone.withdrawn(b"one", had_it=True)
    world.settle()
    assert world.stored == [b"one"]
    assert world.outcome(b"one") is None


# A deposit in several parts


def test_a_deposit_is_answered_once_all_its_parts_are(world: RelayWorld, client: Client) -> None:
    endings = world.relay._endings
    ticket = Ticket(sender=client.sender, ref=5, granted=True, open_parts=2)
    client.sender.open_tickets = 1
    endings.part_done(ticket, delivered=True)
    assert client.answer(5) is None
    endings.part_done(ticket, delivered=False)
    assert client.answer(5) is DepositState.ACCEPTED
    assert client.sender.open_tickets == 0


def test_a_deposit_whose_parts_find_no_space_is_refused_once(world: RelayWorld, line: Line, client: Client) -> None:
    client.deposit(line, b"one")
    client.deposit(line, b"two")
    endings, mailbox = world.relay._endings, world.relay._books.mailbox(line.device)
    one, two = mailbox.waiting.values()
    ticket = Ticket(sender=client.sender, ref=9, granted=True, open_parts=2)
    client.sender.open_tickets = 1
    one.tickets, two.tickets = [ticket], [ticket]
    endings.refuse(mailbox, one, now=world.now)
    endings.refuse(mailbox, two, now=world.now)
    endings.part_done(ticket, delivered=False)
    assert client.answer(9) is Refusal.NO_SPACE
    assert client.sender.open_tickets == 0
