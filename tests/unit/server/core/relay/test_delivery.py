"""Live, out of the mailbox, and never before the mark is durable."""

import pytest

from sayso.protocol.frames import DepositState, OutcomeState, Unreadable
from sayso.protocol.limits import LIMITS
from sayso.server.core.lines import Line
from sayso.server.core.relay.delivery import WINDOW_BYTES
from tests.fakes.relay_world import Client, RelayWorld, kinds


@pytest.fixture
def world() -> RelayWorld:
    return RelayWorld()


@pytest.fixture
def line(world: RelayWorld) -> Line:
    return world.line("bob")


@pytest.fixture
def client(world: RelayWorld) -> Client:
    return world.client()


# Live


def test_a_contacts_live_message_writes_nothing_at_all(world: RelayWorld, line: Line, client: Client) -> None:
    phone = world.online(line)
    world.store.commits.clear()
    for number in range(100):
        ref = client.deposit(line, b"%d" % number)
        phone.ack(b"%d" % number)
        assert client.answer(ref) is DepositState.DELIVERED
        assert not world.take()
        world.advance(0.01)
    world.advance(10)
    assert world.store.commits == []
    world.assert_empty()


def test_a_strangers_live_message_writes_one_outcome_and_no_envelope(
    world: RelayWorld, line: Line, client: Client
) -> None:
    phone = world.online(line)
    world.store.commits.clear()
    ref = client.deposit(line, b"one", granted=False)
    phone.ack(b"one")
    world.advance(0.24)
    assert world.store.commits == []
    world.advance(5)
    (batch,) = world.store.commits
    assert [outcome.state for outcome in batch.outcomes] == [OutcomeState.DELIVERED]
    assert not any([batch.put, batch.handed, batch.settled, batch.doubted, batch.resolved])
    assert client.answer(ref) is DepositState.ACCEPTED
    assert client.news(b"one") == []


def test_without_an_acknowledgement_within_250_ms_it_is_written_and_born_handed(
    world: RelayWorld, line: Line, client: Client
) -> None:
    world.online(line)
    ref = client.deposit(line, b"one")
    world.advance(0.249)
    assert world.stored == []
    world.advance(0.002)
    assert world.stored == [b"one"]
    assert world.is_durably_handed(b"one")
    assert client.answer(ref) is DepositState.ACCEPTED


def test_it_is_not_sent_a_second_time_on_the_same_connection(world: RelayWorld, line: Line, client: Client) -> None:
    phone = world.online(line)
    client.deposit(line, b"one")
    world.advance(5)
    assert phone.got == [b"one"]
    phone.ack(b"one")
    assert client.news(b"one") == [OutcomeState.DELIVERED]
    world.settle()
    assert world.stored == []
    world.assert_empty()


def test_when_the_link_is_lost_all_that_was_live_goes_to_the_mailbox_in_order(
    world: RelayWorld, line: Line, client: Client
) -> None:
    phone = world.online(line)
    for number in range(9):
        client.deposit(line, b"%d" % number)
    phone.ack(b"4")
    phone.leave()
    world.settle()
    left = [b"%d" % number for number in range(9) if number != 4]
    assert world.stored == left
    assert all(world.is_durably_handed(envelope) for envelope in left)
    assert world.online(line).got == left


def test_an_acknowledgement_after_the_time_but_before_the_batch_leaves_nothing(
    world: RelayWorld, line: Line, client: Client
) -> None:
    phone = world.online(line)
    ref = client.deposit(line, b"one")
    world.now += 0.3
    world.relay.tick(now=world.now)
    phone.ack(b"one")
    assert client.answer(ref) is DepositState.DELIVERED
    world.settle()
    assert world.stored == []
    world.assert_empty()


def test_an_acknowledgement_while_it_is_being_written_is_told_at_once_and_settled_after(
    world: RelayWorld, line: Line, client: Client
) -> None:
    phone = world.online(line)
    ref = client.deposit(line, b"one")
    world.now += 0.3
    world.relay.tick(now=world.now)
    world.take()
    phone.ack(b"one")
    assert client.answer(ref) is DepositState.DELIVERED
    world.land()
    assert world.stored == [b"one"]
    world.settle()
    assert world.stored == []
    assert client.news(b"one") == []
    world.assert_empty()


def test_accepted_is_said_after_the_commit_that_holds_the_envelope(
    world: RelayWorld, line: Line, client: Client
) -> None:
    ref = client.deposit(line, b"one")
    world.take()
    assert client.answer(ref) is None
    world.land()
    assert client.answer(ref) is DepositState.ACCEPTED


def test_a_live_message_that_could_not_be_read_is_accepted_when_that_is_durable(
    world: RelayWorld, line: Line, client: Client
) -> None:
    phone = world.online(line)
    ref = client.deposit(line, b"one")
    phone.ack(b"one", Unreadable.RATCHET)
    assert client.answer(ref) is None
    world.settle()
    assert client.answer(ref) is DepositState.ACCEPTED
    assert client.news(b"one") == [OutcomeState.UNREADABLE]
    assert world.outcome(b"one") is OutcomeState.UNREADABLE


@pytest.mark.parametrize("why", ["off", "congested", "behind", "window", "waiting"])
def test_what_cannot_go_live_waits(world: RelayWorld, line: Line, client: Client, why: str) -> None:
    phone = None if why == "off" else world.online(line)
    if phone is not None:
        if why == "congested":
            phone.congest()
        if why == "behind":
            phone.mailbox.caught_up = False
        if why == "window":
            for number in range(LIMITS.unacknowledged_envelopes):
                client.deposit(line, b"%d" % number)
        if why == "waiting":
            client.deposit(line, b"before")
            world.advance(0.3)
    before = [] if phone is None else list(phone.got)
    client.deposit(line, b"one")
    assert before == ([] if phone is None else phone.got)
    world.settle()
    assert b"one" in world.stored


def test_live_and_mailbox_together_keep_the_order(world: RelayWorld, line: Line, client: Client) -> None:
    phone = world.online(line)
    client.deposit(line, b"1")
    client.deposit(line, b"2")
    world.advance(0.3)
    phone.ack(b"1")
    client.deposit(line, b"3")  # 2 waits for its acknowledgement: 3 goes through the mailbox
    world.settle()
    assert phone.got == [b"1", b"2", b"3"]
    phone.ack(b"2")
    phone.ack(b"3")
    client.deposit(line, b"4")
    assert phone.got == [b"1", b"2", b"3", b"4"]


def test_an_older_one_that_is_still_being_written_is_not_overtaken_on_the_next_connection(
    world: RelayWorld, line: Line, client: Client
) -> None:
    phone = world.online(line)
    client.deposit(line, b"1")
    world.advance(0.2)
    client.deposit(line, b"2")
    world.now += 0.1
    world.relay.tick(now=world.now)  # 1 is queued, 2 is live
    client.deposit(line, b"3")
    world.take()
    world.land()  # 1 and 3 are stored
    phone.leave()  # 2 is queued
    after = world.connect(line)
    assert after.got == []
    world.settle()
    assert after.got == [b"1", b"2", b"3"]
    assert after.link.caught_up == 1


# Out of the mailbox


def test_the_mark_is_durable_before_an_envelope_leaves_the_mailbox(
    world: RelayWorld, line: Line, client: Client
) -> None:
    client.deposit(line, b"one")
    world.settle()
    phone = world.connect(line)
    while world.relay.readings == type(world.relay.readings)():
        assert phone.got == []
        assert not world.is_durably_handed(b"one")
        assert world.take()
        world.land()
    assert world.is_durably_handed(b"one")
    assert phone.got == []
    world.read()
    assert phone.got == [b"one"]


def test_a_new_connection_does_not_trust_a_mark_that_is_not_durable(
    world: RelayWorld, line: Line, client: Client
) -> None:
    """The phone drops its connection while the mark is being written, and connects again.

    Sent now, then the power fails: the store would say `never left`, a recall would be answered `recalled`, and the
    text be shown twice.
    """
    client.deposit(line, b"one")
    world.settle()
    world.connect(line).leave()
    again = world.connect(line)
    while world.read():
        pass
    assert again.got == []
    world.take()
    while world.read():
        pass
    assert again.got == []
    world.crash()
    assert not world.is_durably_handed(b"one")


def test_one_mark_serves_a_whole_window(world: RelayWorld, line: Line, client: Client) -> None:
    for number in range(200):
        client.deposit(line, b"%d" % number)
    world.settle()
    world.store.commits.clear()
    phone = world.online(line)
    (batch,) = world.store.commits
    assert list(batch.handed) == [line.device]
    assert len(phone.got) == 200


def test_what_was_handed_before_needs_no_second_mark(world: RelayWorld, line: Line, client: Client) -> None:
    client.deposit(line, b"one")
    world.settle()
    world.online(line).leave()
    world.store.commits.clear()
    assert world.online(line).got == [b"one"]
    assert world.store.commits == []


def test_at_most_256_are_unacknowledged_and_acknowledgements_free_places(
    world: RelayWorld, line: Line, client: Client
) -> None:
    window = LIMITS.unacknowledged_envelopes
    envelopes = [b"%d" % number for number in range(window + 50)]
    for envelope in envelopes:
        client.deposit(line, envelope)
    world.settle()
    phone = world.connect(line)
    world.settle()
    assert phone.got == envelopes[:window]
    assert phone.link.caught_up == 0
    world.store.commits.clear()
    for envelope in envelopes[:49]:
        phone.ack(envelope)
    world.settle()
    assert len(phone.got) == window, "a mark and a read for each place would be a commit for each message"
    phone.ack(envelopes[49])
    world.settle()
    assert len(phone.got) == window + 50
    phone.ack_all()
    world.settle()
    assert phone.got == envelopes
    assert kinds(phone.link.frames)[-1] == "CaughtUp"


def test_half_a_window_is_refilled_and_a_smaller_part_of_it_within_a_minute(
    world: RelayWorld, line: Line, client: Client
) -> None:
    """A device may hold acknowledgements back until 256 are unacknowledged: it is not let down for good."""
    window = LIMITS.unacknowledged_envelopes
    envelopes = [b"%d" % number for number in range(2 * window)]
    for envelope in envelopes:
        client.deposit(line, envelope)
    world.settle()
    phone = world.connect(line)
    world.settle()
    for envelope in envelopes[: window // 2]:
        phone.ack(envelope)
    world.settle()
    assert len(phone.got) == window + window // 2
    phone.ack(envelopes[window // 2])
    world.settle()
    assert len(phone.got) == window + window // 2
    world.relay.sweep(now=world.now)
    world.settle()
    assert phone.got == envelopes[: window + window // 2 + 1]


def test_deletion_is_by_acknowledged_id_only(world: RelayWorld, line: Line, client: Client) -> None:
    for number in range(5):
        client.deposit(line, b"%d" % number)
    world.settle()
    phone = world.online(line)
    phone.ack(b"3")
    phone.ack(b"never heard of it")
    world.settle()
    assert world.stored == [b"0", b"1", b"2", b"4"]


def test_nothing_leaves_to_a_congested_device_until_it_reads_again(
    world: RelayWorld, line: Line, client: Client
) -> None:
    client.deposit(line, b"one")
    world.settle()
    phone = world.connect(line)
    phone.congest()
    world.settle()
    client.deposit(line, b"two")
    world.settle()
    assert phone.got == [b"one"]  # it was on its way already
    assert phone.link.caught_up == 0
    phone.read_again()
    world.settle()
    assert phone.got == [b"one", b"two"]
    assert phone.link.caught_up == 1


def test_caught_up_comes_when_the_last_that_waited_is_recalled(world: RelayWorld, line: Line, client: Client) -> None:
    client.deposit(line, b"one")
    world.settle()
    phone = world.connect(line, congested=True)
    client.recall(b"one")
    world.settle()
    phone.read_again()
    assert phone.got == []
    assert phone.link.caught_up == 1


def test_an_envelope_that_waits_out_a_window_in_memory_is_not_read_from_the_store(
    world: RelayWorld, line: Line, client: Client
) -> None:
    phone = world.online(line)
    client.deposit(line, b"0")
    world.advance(0.3)
    client.deposit(line, b"1")
    world.take()
    world.land()
    world.take()
    world.land()  # the mark
    assert not world.relay.readings
    assert phone.got == [b"0", b"1"]


def test_a_window_that_was_read_for_a_connection_that_is_gone_is_not_sent(
    world: RelayWorld, line: Line, client: Client
) -> None:
    client.deposit(line, b"one")
    world.settle()
    first = world.connect(line)
    world.take()
    world.land()
    assert world.relay.readings
    first.leave()
    second = world.connect(line)
    world.settle()
    assert first.got == []
    assert second.got == [b"one"]
    assert second.mailbox.in_flight == 1


def test_what_is_settled_while_it_is_read_is_not_sent(world: RelayWorld, line: Line, client: Client) -> None:
    client.deposit(line, b"one")
    client.deposit(line, b"two")
    world.settle()
    phone = world.connect(line)
    world.take()
    world.land()
    (reading,) = world.relay.readings
    phone.ack(b"one")  # it has it from an earlier connection
    world.settle()
    assert phone.got == [b"two"]
    assert reading.damaged([(2, b"two")]) == 0


def test_what_is_being_settled_while_it_is_read_is_not_sent(world: RelayWorld, line: Line, client: Client) -> None:
    """The store still has it; the device, which acknowledged it on its way in, must not get it again."""
    client.deposit(line, b"one")
    world.settle()
    phone = world.connect(line)
    world.take()
    world.land()
    phone.ack(b"one")
    assert world.stored == [b"one"]
    world.read()
    assert phone.got == []
    assert phone.link.caught_up == 1


def test_caught_up_comes_when_the_last_that_waited_is_acknowledged_before_it_is_written(
    world: RelayWorld, line: Line, client: Client
) -> None:
    phone = world.online(line)
    client.deposit(line, b"one")
    phone.leave()
    again = world.connect(line)
    again.ack(b"one")  # it came on the connection before
    assert again.link.caught_up == 1
    world.settle()
    assert world.stored == []


def test_a_damaged_envelope_stays_for_the_operator_and_holds_up_nobody(
    world: RelayWorld, line: Line, client: Client
) -> None:
    for number in range(3):
        client.deposit(line, b"%d" % number)
    world.settle()
    world.store.damaged.add(2)
    phone = world.connect(line)
    world.take()
    world.land()
    (reading,) = world.relay.readings
    assert reading.damaged([(1, b"0"), (3, b"2")]) == 1
    world.settle()
    assert phone.got == [b"0", b"2"]
    assert phone.link.caught_up == 1
    assert world.stored == [b"0", b"1", b"2"]


def test_a_big_mailbox_leaves_in_windows_of_bounded_bytes(world: RelayWorld, line: Line, client: Client) -> None:
    big = LIMITS.envelope_bytes
    full = -(-WINDOW_BYTES // big)
    for number in range(full + 3):
        client.deposit(line, bytes([number]) * big)
    world.settle()
    phone = world.connect(line)
    world.take()
    world.land()
    assert [len(reading.entries) for reading in world.relay.readings] == [full]
    world.settle()
    assert len(phone.got) == full + 3


def test_after_a_crash_everything_accepted_is_delivered_in_order(world: RelayWorld, line: Line, client: Client) -> None:
    phone = world.online(line)
    client.deposit(line, b"0")
    world.advance(0.3)
    for number in range(1, 6):
        client.deposit(line, b"%d" % number)
        if number == 3:
            world.settle()
    world.take()
    world.lost_power_after()
    assert phone.got[0] == b"0"
    assert world.online(line).got == [b"%d" % number for number in range(6)]
