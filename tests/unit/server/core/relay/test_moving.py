"""A mailbox moves to another process: nothing of it is left behind, and nothing is lost on the way."""

from sayso.protocol.frames import ByeReason, DepositState, OutcomeState
from sayso.server.core.relay.relay import Relay
from tests.fakes.relay_world import RelayWorld


def released(world: RelayWorld, device: bytes) -> list[list[int]]:
    done: list[list[int]] = []
    world.relay.release(device, now=world.now, done=done.append)  # type: ignore[arg-type]
    return done


def taken_up(world: RelayWorld) -> Relay:
    """The process that takes over: it reads what is durable."""
    world.crash()
    return world.relay


def test_what_waits_is_let_go_once_it_is_durable_and_taken_up_elsewhere() -> None:
    world = RelayWorld()
    line, client = world.line("bob"), world.client()
    client.deposit(line, b"one")
    done = released(world, line.device)
    assert done == []
    world.settle()
    assert [len(seqs) for seqs in done] == [1]
    assert world.relay.holdings(line.device) == (0, 0)
    assert not world.relay.inquiries.knows(next(iter(world.disk.mail.values()))[0].handle_hash)
    taken_up(world)
    world.lines.put(line)
    phone = world.connect(line)
    world.settle()
    assert phone.got == [b"one"]


def test_the_device_is_told_and_what_it_has_not_acknowledged_is_born_handed() -> None:
    world = RelayWorld()
    line, client = world.line("bob"), world.client()
    phone = world.online(line)
    ref = client.deposit(line, b"live")
    done = released(world, line.device)
    world.settle()
    assert [bye.reason for bye in phone.link.byes] == [ByeReason.REPLACED]
    assert phone.link.ended
    assert [len(seqs) for seqs in done] == [1]
    assert client.answer(ref) is DepositState.ACCEPTED
    assert world.is_durably_handed(b"live")


def test_a_recall_that_was_asked_before_is_answered_before_the_mailbox_goes() -> None:
    world = RelayWorld()
    line, client = world.line("bob"), world.client()
    client.deposit(line, b"one")
    world.settle()
    ref = client.recall(b"one")
    done = released(world, line.device)
    world.settle()
    world.advance(2)
    assert client.answer(ref) is OutcomeState.RECALLED
    assert done == [[]]
    assert world.stored == []


def test_a_stranger_s_envelope_and_outcome_are_written_first() -> None:
    world = RelayWorld()
    line, client = world.line("bob"), world.client()
    phone = world.online(line)
    client.deposit(line, b"seen", granted=False)
    phone.ack(b"seen")
    phone.leave()
    client.deposit(line, b"held", granted=False)
    done = released(world, line.device)
    world.settle()
    assert [len(seqs) for seqs in done] == [1]
    assert world.outcome(b"seen") is OutcomeState.DELIVERED
    assert world.stored == [b"held"]


def test_an_empty_mailbox_is_let_go_at_once() -> None:
    world = RelayWorld()
    line = world.line("bob")
    done = released(world, line.device)
    world.settle()
    assert done == [[]]
