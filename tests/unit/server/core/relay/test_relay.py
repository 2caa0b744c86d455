"""The relay as a whole: connections, the loop that drives it, custody's end; and a machine that tries every order."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sayso.protocol.frames import ByeReason, Deliver, DepositState, OutcomeState, Ready, Refusal, Unreadable
from sayso.protocol.ids import DeviceId, envelope_id, handle_hash
from sayso.protocol.limits import LIMITS
from sayso.server.core.lines import Line
from tests.fakes.relay_world import Client, Phone, RelayWorld, handle_of, kinds, make_line


@pytest.fixture
def world() -> RelayWorld:
    return RelayWorld()


# Connections


def test_a_login_is_answered_with_the_lease_and_the_keys_left_and_then_caught_up(world: RelayWorld) -> None:
    line = world.line("bob")
    phone = world.online(line)
    assert phone.link.frames[0] == Ready(LIMITS.lease_s, 50)
    assert kinds(phone.link.frames) == ["Ready", "CaughtUp"]


def test_a_login_renews_the_lease_and_wakes_a_line_that_has_lapsed(world: RelayWorld) -> None:
    line = world.line("bob")
    world.advance(LIMITS.lease_s + 10)
    assert world.lines.addressable(line.token, now=world.now) is None
    world.connect(line)
    assert world.lines.addressable(line.token, now=world.now) is line
    assert world.relay.take_renewed() == {line.device: world.now + LIMITS.lease_s}
    assert world.relay.take_renewed() == {}


def test_a_stream_that_stays_open_renews_its_lease_every_twelve_hours(world: RelayWorld) -> None:
    line = world.line("bob")
    world.connect(line)
    world.relay.take_renewed()
    world.advance(LIMITS.lease_renew_s - 1)
    world.relay.sweep(now=world.now)
    assert world.relay.take_renewed() == {}
    world.advance(2)
    world.relay.sweep(now=world.now)
    assert world.relay.take_renewed() == {line.device: world.now + LIMITS.lease_s}


def test_leases_that_could_not_be_written_down_come_back_unless_they_are_older(world: RelayWorld) -> None:
    line, other = world.line("bob"), world.line("carol")
    world.connect(line)
    phone = world.connect(other)
    taken = world.relay.take_renewed()
    world.advance(LIMITS.lease_renew_s + 1)
    phone.leave()
    world.relay.sweep(now=world.now)
    world.relay.put_back_renewed(taken)
    assert world.relay.take_renewed() == {
        line.device: world.now + LIMITS.lease_s,
        other.device: taken[other.device],
    }


def test_the_directory_does_not_shorten_a_lease_that_was_renewed_here_since(world: RelayWorld) -> None:
    line = world.line("bob")
    world.advance(1000)
    world.connect(line)
    stale = make_line("bob", lease_ends=world.now + 5)
    stale.one_time_keys = 3
    world.relay.line_changed(stale, now=world.now)
    known = world.lines.by_device(line.device)
    assert known is not None
    assert (known.lease_ends, known.one_time_keys) == (world.now + LIMITS.lease_s, 3)


def test_the_same_device_again_ends_the_older_connection_and_gets_what_was_live_on_it(world: RelayWorld) -> None:
    line, client = world.line("bob"), world.client()
    first = world.online(line)
    ref = client.deposit(line, b"one")
    assert first.got == [b"one"]
    second = world.connect(line)
    assert [bye.reason for bye in first.link.byes] == [ByeReason.REPLACED]
    assert first.link.ended
    world.settle()
    assert kinds(second.link.frames) == ["Ready", "Deliver", "CaughtUp"]
    first.leave()  # picows says so later
    second.ack(b"one")
    assert client.answer(ref) is DepositState.ACCEPTED
    assert client.news(b"one") == [OutcomeState.DELIVERED]


def test_a_connection_that_was_replaced_cannot_log_its_successor_out(world: RelayWorld) -> None:
    line, client = world.line("bob"), world.client()
    first = world.online(line)
    second = world.online(line)
    world.relay.logout(first.link, line.device)
    client.deposit(line, b"one")
    assert second.got == [b"one"]


def test_what_waited_comes_in_order_and_then_caught_up_and_then_live(world: RelayWorld) -> None:
    line, client = world.line("bob"), world.client()
    for number in range(5):
        client.deposit(line, b"%d" % number)
        world.settle()
    phone = world.online(line)
    assert kinds(phone.link.frames) == ["Ready", *["Deliver"] * 5, "CaughtUp"]
    phone.ack_all()
    client.deposit(line, b"5")
    assert phone.got == [b"%d" % number for number in range(6)]


def test_caught_up_comes_although_more_keeps_coming(world: RelayWorld) -> None:
    """A stream of deposits must not put off the moment for ever at which the phone knows that it has seen the past."""
    line, client = world.line("bob"), world.client()
    client.deposit(line, b"old")
    world.settle()
    phone = world.connect(line)
    world.take()
    for number in range(300):
        client.deposit(line, b"new %d" % number)
    world.land()
    world.settle()
    kinds_seen = kinds(phone.link.frames)
    assert kinds_seen.index("CaughtUp") == 2
    assert phone.link.caught_up == 1


def test_a_mailbox_that_holds_nothing_is_let_go(world: RelayWorld) -> None:
    line, client = world.line("bob"), world.client()
    phone = world.online(line)
    client.deposit(line, b"one")
    phone.ack_all()
    phone.leave()
    assert world.relay._books.mailboxes == {}


def test_counts_tell_nothing_of_single_lines(world: RelayWorld) -> None:
    line, other, client = world.line("bob"), world.line("carol"), world.client()
    world.online(line)
    client.deposit(other, b"one")
    world.settle()
    counts = world.relay.counts()
    assert {"lines": 2, "connected": 1, "waiting": 1, "in_doubt": 0}.items() <= counts.items()
    assert all(isinstance(count, int) for count in counts.values())
    assert world.relay.holdings(other.device) == (1, 3)
    assert world.relay.holdings(DeviceId(bytes(16))) == (0, 0)


# Stopping


def test_a_graceful_stop_takes_nothing_more_and_makes_all_that_was_taken_durable(world: RelayWorld) -> None:
    line, away, client = world.line("bob"), world.line("carol"), world.client()
    phone = world.online(line)
    live = client.deposit(line, b"live")
    strange = client.deposit(away, b"strange", granted=False)
    waiting = client.deposit(away, b"waiting")
    done: list[bool] = []
    world.relay.stop(now=world.now)
    world.relay.when_drained(lambda: done.append(True))
    assert client.answer(client.deposit(line, b"late")) is Refusal.STOPPING
    assert done == []
    world.settle()
    assert done == [True]
    assert sorted(world.stored) == [b"live", b"strange", b"waiting"]
    assert client.answer(live) is client.answer(waiting) is DepositState.ACCEPTED
    assert world.is_durably_handed(b"live")
    assert not world.is_durably_handed(b"waiting")
    world.advance(1)
    assert client.answer(strange) is DepositState.ACCEPTED
    world.relay.say_bye(ByeReason.STOPPING)
    assert [bye.reason for bye in phone.link.byes] == [ByeReason.STOPPING]
    assert phone.link.ended


def test_a_stop_with_nothing_to_do_is_over_at_once(world: RelayWorld) -> None:
    done: list[bool] = []
    world.relay.stop(now=world.now)
    world.relay.when_drained(lambda: done.append(True))
    world.settle()
    assert done == [True]


def test_a_stop_waits_for_a_full_disk(world: RelayWorld) -> None:
    line, client = world.line("bob"), world.client()
    world.online(line)
    client.deposit(line, b"live")
    done: list[bool] = []
    world.relay.stop(now=world.now)
    world.relay.when_drained(lambda: done.append(True))
    world.take()
    world.refuse()
    assert done == []
    world.settle()
    assert done == [True]
    assert world.stored == [b"live"]


# A full disk


def test_a_full_disk_refuses_what_had_to_be_stored_and_nothing_else(world: RelayWorld) -> None:
    line, off, client = world.line("bob"), world.line("carol"), world.client()
    phone = world.online(line)
    refused = client.deposit(off, b"for the disk")
    world.take()
    world.refuse()
    assert client.answer(refused) is Refusal.NO_SPACE
    assert world.stored == []
    live = client.deposit(line, b"live")  # still works: nothing is written
    phone.ack(b"live")
    assert client.answer(live) is DepositState.DELIVERED
    assert client.answer(client.deposit(off, b"at once")) is Refusal.NO_SPACE
    world.advance(1.5)
    again = client.deposit(off, b"for the disk")
    world.settle()
    assert client.answer(again) is DepositState.ACCEPTED
    assert client.sender.open_tickets == 0
    assert world.stored == [b"for the disk"]


def test_a_full_disk_does_not_refuse_what_the_device_had_in_its_hands(world: RelayWorld) -> None:
    """Its sender would send it again, or by SMS, and the device might show both."""
    line, client = world.line("bob"), world.client()
    phone = world.online(line)
    ref = client.deposit(line, b"one")
    phone.leave()
    for _ in range(3):
        world.take()
        world.refuse()
        assert client.answer(ref) is None
    world.settle()
    assert client.answer(ref) is DepositState.ACCEPTED
    assert world.stored == [b"one"]


def test_a_full_disk_forgets_no_acknowledgement(world: RelayWorld) -> None:
    line, client = world.line("bob"), world.client()
    client.deposit(line, b"one")
    world.settle()
    phone = world.online(line)
    phone.ack(b"one")
    world.take()
    world.refuse()
    assert world.stored == [b"one"]
    world.settle()
    assert world.stored == []
    assert world.outcome(b"one") is OutcomeState.DELIVERED


def test_an_envelope_acknowledged_while_its_batch_found_no_space_is_delivered(world: RelayWorld) -> None:
    line, client = world.line("bob"), world.client()
    phone = world.online(line)
    ref = client.deposit(line, b"one")
    world.now += 0.3
    world.relay.tick(now=world.now)
    world.take()
    phone.ack(b"one")
    world.refuse()
    assert client.answer(ref) is DepositState.DELIVERED
    world.settle()
    assert world.stored == []
    world.assert_empty()


def test_a_full_disk_does_not_hold_up_the_catch_up_behind_what_it_refused(world: RelayWorld) -> None:
    line, client = world.line("bob"), world.client()
    client.deposit(line, b"stored")
    world.settle()
    client.deposit(line, b"refused")
    world.take()
    phone = world.connect(line)
    world.refuse()
    world.settle()
    assert phone.got == [b"stored"]
    assert phone.link.caught_up == 1


# The end of an enrolment


@contextmanager
def _ended(world: RelayWorld, line: Line, state: OutcomeState = OutcomeState.GONE) -> Iterator[list[bool]]:
    done: list[bool] = []
    world.relay.end_custody(line.device, state, now=world.now, done=lambda: done.append(True))
    yield done
    world.settle()
    assert done == [True]
    assert world.stored == []
    assert world.disk.doubts == {}
    assert world.lines.by_device(line.device) is None
    world.advance(LIMITS.stranger_recall_s)
    world.assert_empty()


PLACES = ["live", "held", "queued", "writing", "stored", "handed", "doubt"]
LEFT = {"live", "handed", "doubt"}
"""Places that an envelope comes to only after it has left towards the device."""


def _bring(world: RelayWorld, line: Line, client: Client, place: str, *, granted: bool) -> int:
    """Deposit an envelope and bring it to a place; returns the deposit's ref."""
    if place == "live":
        world.online(line)
    ref = client.deposit(line, b"one", granted=granted)
    if place in {"live", "held", "queued"}:
        return ref
    world.now += 0.26
    world.relay.tick(now=world.now)  # a stranger's is queued now
    world.take()
    if place == "writing":
        return ref
    world.land()
    if place in {"handed", "doubt"}:
        world.online(line)
    if place == "doubt":
        world.advance(LIMITS.stranger_recall_s)
        client.recall(b"one")
        world.settle()
        assert world.doubted(b"one")
    return ref


@pytest.mark.parametrize("granted", [True, False])
@pytest.mark.parametrize("place", PLACES)
def test_opt_out_ends_custody_wherever_an_envelope_is(*, place: str, granted: bool) -> None:
    """One that may have reached the device ends as `unknown`: nobody is left to ask.

    `done` is said when all of it is durable, and not one moment earlier.
    """
    world = RelayWorld()
    line, client = world.line("bob"), world.client()
    ref = _bring(world, line, client, place, granted=granted)
    state = OutcomeState.UNKNOWN if place in LEFT else OutcomeState.GONE
    with _ended(world, line) as done:
        while not done:
            assert world.outcome(b"one") is None
            assert world.is_away or world.take()
            world.land()
        assert world.outcome(b"one") is state
    world.advance(1)
    assert client.answer(ref) is DepositState.ACCEPTED
    # After a recall, its answer was the news; a stranger never gets any.
    assert client.news(b"one") == ([state] if granted and place != "doubt" else [])


def test_opt_out_closes_the_stream(world: RelayWorld) -> None:
    line = world.line("bob")
    phone = world.online(line)
    with _ended(world, line):
        assert [bye.reason for bye in phone.link.byes] == [ByeReason.WITHDRAWN]
        assert phone.link.ended


def test_the_end_of_an_enrolment_is_idempotent_and_closes_the_door(world: RelayWorld) -> None:
    line, client = world.line("bob"), world.client()
    with _ended(world, line):
        pass
    with _ended(world, line):
        pass
    assert client.answer(client.deposit(line, b"late")) is Refusal.NOT_ENROLLED


def test_the_end_of_an_enrolment_survives_a_full_disk(world: RelayWorld) -> None:
    line, client = world.line("bob"), world.client()
    client.deposit(line, b"one")
    world.settle()
    done: list[bool] = []
    world.relay.end_custody(line.device, OutcomeState.GONE, now=world.now, done=lambda: done.append(True))
    world.take()
    world.refuse()
    assert done == []
    assert client.news(b"one") == []
    world.settle()
    assert done == [True]
    assert client.news(b"one") == [OutcomeState.GONE]


def test_a_crash_before_the_end_is_durable_leaves_the_envelope_to_be_ended_again(world: RelayWorld) -> None:
    line, client = world.line("bob"), world.client()
    client.deposit(line, b"one")
    world.settle()
    world.relay.end_custody(line.device, OutcomeState.GONE, now=world.now, done=lambda: None)
    assert client.news(b"one") == []
    world.crash()
    with _ended(world, line):
        pass
    assert world.outcome(b"one") is OutcomeState.GONE


def test_old_outcomes_are_forgotten_after_fourteen_days(world: RelayWorld) -> None:
    line, client = world.line("bob"), world.client()
    world.online(line)
    client.deposit(line, b"one")
    world.advance(0.3)
    world.relay.end_custody(line.device, OutcomeState.GONE, now=world.now, done=lambda: None)
    world.settle()
    assert world.outcome(b"one") is OutcomeState.UNKNOWN
    world.relay.forget_old_outcomes(now=world.now + LIMITS.outcome_kept_s - 1)
    world.settle()
    assert world.outcome(b"one") is not None
    world.relay.forget_old_outcomes(now=world.now + LIMITS.outcome_kept_s + 1)
    world.settle()
    assert world.outcome(b"one") is None


# Every order


class RelayMachine(RuleBasedStateMachine):
    """Two senders, one device, a disk that may be slow, full, or cut off; a model of who was told what.

    What must hold in every order of events:
      accepted or delivered => durable, or acknowledged by the device
      recalled => the device never got it, and never will
      handed is durable before an envelope leaves the mailbox
      nothing twice on one connection, unless it was deposited again after its acknowledgement
      each sender's envelopes come in the order in which they were deposited
      caught-up once for each connection, after all that waited
      256 unacknowledged at most
      in the end everything is answered, delivered, and let go
    """

    def __init__(self) -> None:
        super().__init__()
        self.world = RelayWorld()
        self.line = self.world.line("bob")
        self.phone: Phone | None = None
        self.clients: list[Client] = [self.world.client(), self.world.client()]
        self.order: dict[int, list[bytes]] = {0: [], 1: []}
        """What each connection deposited, in order."""
        self.refs: dict[bytes, tuple[Client, int]] = {}
        self.recalls: dict[bytes, list[tuple[Client, int]]] = {}
        self.acked: set[bytes] = set()
        """What the phone has stored durably and shown."""
        self.noted: set[bytes] = set()
        """What the phone has durably noted never to show."""
        self.ever_got: set[bytes] = set()
        self.behind: set[bytes] = set()
        """What was durable when the phone connected."""
        self.count = 0

    # What the senders do

    @rule(who=st.integers(0, 1), granted=st.booleans())
    def deposit(self, who: int, *, granted: bool) -> None:
        self.count += 1
        envelope = b"%d of %d" % (self.count, who)
        client = self.clients[who]
        self.refs[envelope] = (client, client.deposit(self.line, envelope, granted=granted, ttl_s=7 * 86400))
        self.order[who].append(envelope)

    @precondition(lambda self: self.refs)
    @rule(data=st.data())
    def deposit_again(self, data: st.DataObject) -> None:
        """Retries are byte-identical."""
        envelope = data.draw(st.sampled_from(sorted(self.refs)))
        client, ref = self.refs[envelope]
        if client.answer(ref) is None and client.sender.link is not None:
            entry = self.world.relay._books.handles.get(handle_hash(handle_of(envelope)))
            granted = entry.granted if entry is not None else True
            self.refs[envelope] = (client, client.deposit(self.line, envelope, granted=granted, ttl_s=7 * 86400))

    @precondition(lambda self: self.refs)
    @rule(data=st.data())
    def recall(self, data: st.DataObject) -> None:
        envelope = data.draw(st.sampled_from(sorted(self.refs)))
        client, _ = self.refs[envelope]
        if client.sender.link is not None:
            self.recalls.setdefault(envelope, []).append((client, client.recall(envelope)))

    # What the phone does

    @precondition(lambda self: self.phone is None)
    @rule()
    def connect(self) -> None:
        self.behind = {envelope for envelope in self.world.stored if not self._is_settled(envelope)}
        self.phone = self.world.connect(self.line)

    @precondition(lambda self: self.phone is not None)
    @rule()
    def connect_over(self) -> None:
        self.connect()

    @precondition(lambda self: self.phone is not None)
    @rule()
    def disconnect(self) -> None:
        assert self.phone is not None
        self._look()
        self.phone.leave()
        self.phone = None

    @precondition(lambda self: self.phone is not None and self.phone.got)
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        assert self.phone is not None
        self._acknowledge(data.draw(st.sampled_from(self.phone.got)))

    @precondition(lambda self: self.phone is not None)
    @rule()
    def acknowledge_all(self) -> None:
        assert self.phone is not None
        for envelope in self.phone.got:
            self._acknowledge(envelope)

    @precondition(lambda self: self.phone is not None and self.phone.link.withdrawn)
    @rule(data=st.data())
    def answer_withdraw(self, data: st.DataObject) -> None:
        assert self.phone is not None
        self._answer_withdraw(data.draw(st.sampled_from(self.phone.link.withdrawn)))

    @precondition(lambda self: self.phone is not None)
    @rule(congested=st.booleans())
    def read_slowly(self, *, congested: bool) -> None:
        assert self.phone is not None
        if congested:
            self.phone.congest()
        else:
            self.phone.read_again()

    # What the world does

    @rule()
    def commit(self) -> None:
        if self.world.is_away or self.world.take():
            self.world.land()

    @precondition(lambda self: not self.world.is_away)
    @rule()
    def begin_commit(self) -> None:
        self.world.take()

    @precondition(lambda self: self.world.is_away)
    @rule()
    def no_space(self) -> None:
        self.world.refuse()

    @rule()
    def read(self) -> None:
        self.world.read()

    @rule()
    def look_up(self) -> None:
        self.world.look_up()

    @rule(seconds=st.sampled_from([0.01, 0.1, 0.26, 1.1, 700.0]))
    def pass_time(self, seconds: float) -> None:
        self.world.now += seconds
        self.world.relay.tick(now=self.world.now)

    @rule()
    def sweep(self) -> None:
        self.world.relay.sweep(now=self.world.now)

    @rule(durable=st.booleans())
    def crash(self, *, durable: bool) -> None:
        """The power fails; a commit that was on its way may have reached the disk or not."""
        self._look()
        if durable and self.world.is_away:
            self.world.lost_power_after()
        else:
            self.world.crash()
        self.phone = None
        for client in self.clients:
            client.leave()
        self.clients = [self.world.client(), self.world.client()]
        self.order = {0: [], 1: []}

    # What must hold

    @invariant()
    def told_is_true(self) -> None:
        self._look()
        stored = set(self.world.stored)
        for envelope, (client, ref) in self.refs.items():
            answer = client.answer(ref)
            if answer is DepositState.DELIVERED:
                assert envelope in self.acked
            if answer is DepositState.ACCEPTED:
                durable = envelope in stored or self.world.doubted(envelope)
                assert durable or envelope in self.acked or self.world.outcome(envelope) is not None
            for asker, question in self.recalls.get(envelope, []):
                if asker.answer(question) is OutcomeState.RECALLED:
                    assert envelope not in self.acked
                    # If it ever left, the device has noted durably never to show it.
                    assert envelope not in self.ever_got or envelope in self.noted
                    assert envelope not in stored
                    assert self.world.outcome(envelope) in {OutcomeState.RECALLED, None}

    @invariant()
    def what_left_the_mailbox_is_handed(self) -> None:
        for envelope in self.ever_got & set(self.world.stored):
            assert self.world.is_durably_handed(envelope)

    @invariant()
    def connection_is_in_order(self) -> None:
        if self.phone is None:
            return
        frames = self.phone.link.frames
        got = [frame.envelope for frame in frames if isinstance(frame, Deliver)]
        unacknowledged = [envelope for envelope in got if envelope not in self.acked]
        assert len(unacknowledged) == len(set(unacknowledged))
        assert len(unacknowledged) <= LIMITS.unacknowledged_envelopes
        for deposited in self.order.values():
            firsts = list(dict.fromkeys(envelope for envelope in got if envelope in deposited))
            assert firsts == sorted(firsts, key=deposited.index)
        assert self.phone.link.caught_up <= 1
        if self.phone.link.caught_up:
            before = got[: kinds(frames)[: kinds(frames).index("CaughtUp")].count("Deliver")]
            late = set(got[len(before) :])
            assert not (self.behind & late) or all(one in before or one in self.acked for one in self.behind & late)

    @invariant()
    def books_balance(self) -> None:
        for mailbox in self.world.relay._books.mailboxes.values():
            entries = [*mailbox.live.values(), *mailbox.waiting.values()]
            assert mailbox.bytes_held == sum(entry.size for entry in entries)
            strange = [entry for entry in [*entries, *mailbox.echoes.values()] if not entry.granted]
            assert mailbox.from_strangers == len(strange)
            assert mailbox.bytes_from_strangers == sum(entry.size for entry in strange)
            on_it = [entry for entry in entries if mailbox.link is not None and entry.sent_on is mailbox.link]
            assert mailbox.in_flight == len(on_it) <= LIMITS.unacknowledged_envelopes

    def teardown(self) -> None:
        """Everything comes to an end: answered, delivered, and let go."""
        world = self.world
        if world.is_away:
            world.land()
        if self.phone is not None:
            self.phone.leave()
        world.advance(2)
        phone = self.phone = world.connect(self.line)
        for _ in range(50):
            world.settle()
            for asked in phone.link.withdrawn:
                self._answer_withdraw(asked)
            for envelope in phone.got:
                self._acknowledge(envelope)
            world.advance(0.5)
        self.told_is_true()
        self._all_is_answered()
        world.advance(LIMITS.stranger_recall_s)
        world.assert_empty()
        assert world.stored == []

    def _all_is_answered(self) -> None:
        for client in self.clients:
            assert client.sender.open_tickets == client.sender.open_questions == 0
        here = [(client, ref) for client, ref in self.refs.values() if client in self.clients]
        here += [asked for asked_by in self.recalls.values() for asked in asked_by if asked[0] in self.clients]
        assert all(client.answer(ref) is not None for client, ref in here)
        for envelope, (client, ref) in self.refs.items():
            if client.answer(ref) is DepositState.ACCEPTED:
                assert envelope in self.acked | self.noted or self.world.outcome(envelope) is not None

    # The model

    def _look(self) -> None:
        if self.phone is not None:
            self.ever_got.update(self.phone.got)

    def _acknowledge(self, envelope: bytes) -> None:
        """Show it and say so, unless the phone has noted never to: then it says that it has no use for it."""
        assert self.phone is not None
        if envelope in self.noted:
            self.phone.ack(envelope, Unreadable.MALFORMED)
        else:
            self.acked.add(envelope)
            self.phone.ack(envelope)

    def _answer_withdraw(self, asked: bytes) -> None:
        assert self.phone is not None
        envelope = next(one for one in self.refs if envelope_id(one) == asked)
        if envelope not in self.acked:
            self.noted.add(envelope)
        self.phone.withdrawn(envelope, had_it=envelope in self.acked)

    def _is_settled(self, envelope: bytes) -> bool:
        return handle_hash(handle_of(envelope)) not in self.world.relay._books.handles


TestEveryOrder = RelayMachine.TestCase
TestEveryOrder.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)


def test_the_longest_wait_counts_for_devices_that_are_there() -> None:
    world = RelayWorld()
    bob, client = world.line("bob"), world.client()
    assert world.relay.longest_wait_s(now=world.now) == 0
    client.deposit(bob, b"e" * 100)
    world.settle()
    world.advance(30)
    assert world.relay.longest_wait_s(now=world.now) == 0, "for somebody who is away it may wait"
    counts = world.relay.counts()
    assert (counts["waiting"], counts["waiting_bytes"]) == (1, 100)
    phone = world.connect(bob, congested=True)
    world.advance(30)
    assert world.relay.longest_wait_s(now=world.now) >= 60
    phone.read_again()
    world.settle()
    phone.ack_all()
    world.settle()
    assert world.relay.longest_wait_s(now=world.now) == 0


def test_a_full_disk_is_told_while_it_lasts() -> None:
    world = RelayWorld()
    bob, client = world.line("bob"), world.client()
    client.deposit(bob, b"e" * 100)
    assert world.take()
    world.refuse()
    assert world.relay.out_of_space(now=world.now)
    world.advance(5)
    world.settle()
    assert not world.relay.out_of_space(now=world.now)
