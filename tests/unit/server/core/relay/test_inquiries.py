"""Recall and ask."""

import pytest

from sayso.protocol.frames import DepositState, Error, OutcomeState, Refusal
from sayso.protocol.limits import LIMITS
from sayso.server.core.lines import Line
from sayso.server.core.relay.inquiries import OPEN_QUESTIONS
from tests.fakes.relay_world import Client, RelayWorld


@pytest.fixture
def world() -> RelayWorld:
    return RelayWorld()


@pytest.fixture
def line(world: RelayWorld) -> Line:
    return world.line("bob")


@pytest.fixture
def client(world: RelayWorld) -> Client:
    return world.client()


def test_what_never_left_is_recalled_durably_and_never_delivered(world: RelayWorld, line: Line, client: Client) -> None:
    client.deposit(line, b"one")
    world.settle()
    ref = client.recall(b"one")
    assert world.look_up()
    world.take()
    world.relay.tick(now=world.now + 10)
    assert client.answer(ref) is None  # not durable yet
    world.land()
    assert world.stored == []
    assert world.outcome(b"one") is OutcomeState.RECALLED
    world.advance(1)
    assert client.answer(ref) is OutcomeState.RECALLED
    assert client.news(b"one") == []
    world.crash()
    assert world.online(line).got == []


def test_a_crash_before_the_recall_is_durable_tells_nobody(world: RelayWorld, line: Line, client: Client) -> None:
    client.deposit(line, b"one")
    world.settle()
    ref = client.recall(b"one")
    world.look_up()
    world.take()
    world.crash()
    assert client.answer(ref) is None
    assert world.online(line).got == [b"one"]


def test_what_was_handed_is_in_doubt_and_its_bytes_are_gone(world: RelayWorld, line: Line, client: Client) -> None:
    client.deposit(line, b"one")
    world.settle()
    phone = world.online(line)
    ref = client.recall(b"one")
    world.advance(1)
    assert client.answer(ref) is OutcomeState.IN_DOUBT
    assert world.stored == []
    assert len(phone.link.withdrawn) == 1


@pytest.mark.parametrize("again", [True, False])
def test_a_retry_after_a_live_delivery_whose_answer_was_lost_is_in_doubt(
    world: RelayWorld, line: Line, client: Client, *, again: bool
) -> None:
    """A granted live delivery leaves nothing behind; only the sender knows that it tried before, and says so."""
    phone = world.online(line)
    client.deposit(line, b"one")
    phone.ack(b"one")
    client.leave()
    phone.leave()
    other = world.client()
    other.deposit(line, b"one", again=again)
    world.settle()
    ref = other.recall(b"one")
    world.advance(1)
    assert other.answer(ref) is (OutcomeState.IN_DOUBT if again else OutcomeState.RECALLED)


@pytest.mark.parametrize("had_it", [True, False])
def test_the_device_resolves_a_doubt(world: RelayWorld, line: Line, client: Client, *, had_it: bool) -> None:
    client.deposit(line, b"one")
    world.settle()
    phone = world.online(line)
    client.recall(b"one")
    world.settle()
    phone.withdrawn(b"one", had_it=had_it)
    ref = client.ask(b"one")
    world.advance(1)
    assert client.answer(ref) is (OutcomeState.DELIVERED if had_it else OutcomeState.RECALLED)
    assert client.news(b"one") == []
    phone.leave()
    world.assert_empty()


def test_a_live_one_that_is_recalled_is_written_and_then_in_doubt(
    world: RelayWorld, line: Line, client: Client
) -> None:
    phone = world.online(line)
    deposited = client.deposit(line, b"one")
    ref = client.recall(b"one")
    world.settle()
    assert client.answer(deposited) is DepositState.ACCEPTED
    assert world.doubted(b"one")
    world.advance(0.1)
    assert client.answer(ref) is OutcomeState.IN_DOUBT
    assert len(phone.link.withdrawn) == 1


def test_one_deposited_again_after_its_end_ends_by_the_devices_memory(
    world: RelayWorld, line: Line, client: Client
) -> None:
    """The device refused it once, for good; the answer to the deposit was lost, and the sender tries again."""
    bob = world.online(line)
    ref = client.deposit(line, b"one", again=True)
    bob.withdrawn(b"one", had_it=False)
    world.advance(1)
    assert client.answer(ref) is DepositState.ACCEPTED
    assert world.outcome(b"one") is OutcomeState.RECALLED
    assert client.news(b"one") == [OutcomeState.RECALLED]
    assert world.stored == []


def test_a_live_one_that_is_recalled_and_acknowledged_before_it_is_written_was_delivered(
    world: RelayWorld, line: Line, client: Client
) -> None:
    phone = world.online(line)
    deposited = client.deposit(line, b"one")
    ref = client.recall(b"one")
    world.look_up()
    phone.ack(b"one")
    assert client.answer(deposited) is DepositState.DELIVERED
    world.advance(1)
    assert client.answer(ref) is OutcomeState.DELIVERED
    assert world.outcome(b"one") is OutcomeState.DELIVERED  # should the answer be lost
    assert world.stored == []
    assert world.disk.doubts == {}
    assert client.sender.open_questions == 0


def test_one_that_is_recalled_and_acknowledged_while_it_is_written_was_delivered(
    world: RelayWorld, line: Line, client: Client
) -> None:
    phone = world.online(line)
    client.deposit(line, b"one")
    ref = client.recall(b"one")
    world.look_up()
    world.take()
    phone.ack(b"one")
    world.land()
    world.settle()
    commits = len(world.store.commits)
    world.advance(1)
    assert client.answer(ref) is OutcomeState.DELIVERED
    assert world.stored == []
    assert client.sender.open_questions == 0
    assert len(world.store.commits) == commits


def test_one_that_is_recalled_while_it_is_written_is_recalled_after(
    world: RelayWorld, line: Line, client: Client
) -> None:
    deposited = client.deposit(line, b"one")
    world.take()
    ref = client.recall(b"one")
    world.look_up()
    world.land()
    assert client.answer(deposited) is DepositState.ACCEPTED
    world.advance(1)
    assert client.answer(ref) is OutcomeState.RECALLED
    assert world.online(line).got == []


def test_one_that_is_recalled_and_finds_no_space_was_recalled(world: RelayWorld, line: Line, client: Client) -> None:
    deposited = client.deposit(line, b"one")
    ref = client.recall(b"one")
    world.look_up()
    world.take()
    world.refuse()
    world.advance(1)
    assert client.answer(deposited) is Refusal.NO_SPACE
    assert client.answer(ref) is OutcomeState.RECALLED
    assert client.sender.open_questions == 0


def test_one_whose_line_ends_while_its_recall_waits_is_gone(world: RelayWorld, line: Line, client: Client) -> None:
    client.deposit(line, b"one")
    world.take()
    ref = client.recall(b"one")
    world.look_up()
    world.relay.end_custody(line.device, OutcomeState.GONE, now=world.now, done=lambda: None)
    world.land()
    world.advance(1)
    assert client.answer(ref) is OutcomeState.GONE


def test_a_recall_while_the_mark_is_being_written_still_finds_it_here(
    world: RelayWorld, line: Line, client: Client
) -> None:
    """It has not left: the mark is no more than a promise. And after `recalled` the window must not send it."""
    client.deposit(line, b"one")
    world.settle()
    phone = world.connect(line)
    world.take()
    ref = client.recall(b"one")
    world.advance(1)
    assert client.answer(ref) is None or phone.got == []
    if world.is_away:
        world.land()
    world.advance(1)
    assert client.answer(ref) is OutcomeState.RECALLED
    assert phone.got == []
    assert phone.link.caught_up == 1


def test_a_recall_while_the_window_is_read_is_in_doubt_and_nothing_is_sent(
    world: RelayWorld, line: Line, client: Client
) -> None:
    client.deposit(line, b"one")
    world.settle()
    phone = world.connect(line)
    world.take()
    world.land()
    assert world.relay.readings
    client.recall(b"one")
    world.look_up()
    world.settle()
    assert phone.got == []
    assert world.doubted(b"one")
    assert phone.link.caught_up == 1


@pytest.mark.parametrize("handed", [False, True])
def test_recalled_twice_is_answered_twice(world: RelayWorld, line: Line, client: Client, *, handed: bool) -> None:
    client.deposit(line, b"one")
    world.settle()
    if handed:
        world.online(line)
    refs = [client.recall(b"one"), client.recall(b"one")]
    world.advance(1)
    refs.append(client.recall(b"one"))
    world.advance(1)
    state = OutcomeState.IN_DOUBT if handed else OutcomeState.RECALLED
    assert [client.answer(ref) for ref in refs] == [state] * 3


def test_two_recalls_while_it_is_written_are_both_answered(world: RelayWorld, line: Line, client: Client) -> None:
    client.deposit(line, b"one")
    world.take()
    refs = [client.recall(b"one"), client.recall(b"one"), client.ask(b"one")]
    while world.look_up():
        pass
    world.land()
    world.advance(1)
    assert [client.answer(ref) for ref in refs] == [OutcomeState.RECALLED] * 2 + [OutcomeState.WAITING]


def test_an_unknown_handle_is_unknown(world: RelayWorld, client: Client) -> None:
    refs = [client.recall(b"never"), client.ask(b"never")]
    world.advance(1)
    assert [client.answer(ref) for ref in refs] == [OutcomeState.UNKNOWN] * 2


def test_an_outcome_that_lands_during_the_look_up_is_not_missed(world: RelayWorld, line: Line, client: Client) -> None:
    """The store is read before the commit, the answer comes after it: `unknown` would be a lie that costs an SMS."""
    client.deposit(line, b"one")
    world.settle()
    phone = world.online(line)
    ref = client.ask(b"one")
    question = world.relay.inquiries.next_question()
    assert question is not None
    phone.ack(b"one")
    world.take()
    world.land()
    world.relay.inquiries.answer(question, None, now=world.now)
    world.advance(1)
    assert client.answer(ref) is OutcomeState.DELIVERED


def test_an_outcome_is_told_when_it_is_durable(world: RelayWorld, line: Line, client: Client) -> None:
    client.deposit(line, b"one", ttl_s=60)
    world.settle()
    world.advance(60)
    world.relay.sweep(now=world.now)
    world.take()
    ref = client.ask(b"one")
    world.look_up()
    world.relay.tick(now=world.now + 5)
    assert client.answer(ref) is None
    world.land()
    world.advance(1)
    assert client.answer(ref) is OutcomeState.EXPIRED


def test_answers_leave_on_the_grid_also_when_the_disk_is_slow(world: RelayWorld, line: Line, client: Client) -> None:
    world.commit_s = 0.137
    client.deposit(line, b"one")
    world.advance(1)
    world.advance(0.003)
    ref = client.recall(b"one")
    asked = world.now
    for milliseconds in range(1, 1000):
        world.advance(asked + milliseconds / 1000 - world.now)
        if client.answer(ref) is not None:
            break
    # The commit takes 137 ms: the answer comes neither then nor at once, but at the next point of the grid.
    assert round(world.now - asked, 3) == 0.147


def test_a_stranger_learns_nothing_for_ten_minutes_and_then_all(world: RelayWorld, line: Line, client: Client) -> None:
    client.deposit(line, b"one", granted=False)
    world.advance(1)
    early = [client.recall(b"one"), client.ask(b"one")]
    world.advance(LIMITS.stranger_recall_s - 2)
    early += [client.recall(b"one"), client.ask(b"one")]
    world.advance(0.5)
    assert [client.answer(ref) for ref in early] == [OutcomeState.TOO_EARLY, OutcomeState.WAITING] * 2
    world.advance(1)
    late = client.recall(b"one")
    world.advance(1)
    assert client.answer(late) is OutcomeState.RECALLED


def test_too_many_questions_end_the_connection(world: RelayWorld, client: Client) -> None:
    """Each costs a look-up in the store and a place in memory, and nothing else bounds them."""
    for _ in range(OPEN_QUESTIONS + 1):
        client.ask(b"never")
    assert len(client.link.all(Error)) == 1
    assert client.link.ended
    assert world.relay.inquiries.waiting == OPEN_QUESTIONS


def test_questions_of_a_connection_that_is_gone_are_dropped(world: RelayWorld, client: Client) -> None:
    asked = client.ask(b"never")
    client.leave()
    client.ask(b"never")
    assert world.relay.inquiries.waiting == 1
    world.advance(1)
    assert client.answer(asked) is None
    assert client.sender.open_questions == 0
