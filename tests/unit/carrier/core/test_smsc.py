"""The SMSC: delay, order, loss, duplicates, expiry, full SIMs; and a machine that tries them together."""

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sayso.carrier.core.events import (
    InsertSim,
    LockSim,
    PhoneAttached,
    PhoneDetached,
    RemoveSim,
    SetCoverage,
    SetDelay,
    SetDuplicate,
    SetLoss,
    SetReorder,
    Submitted,
)
from sayso.carrier.core.limits import NetworkLimits
from sayso.carrier.core.records import Message, StoredSms
from sayso.protocol.modem import AskSent, DeleteSms, SendSms, SentStatus
from tests.fakes.carrier_world import World

NUMBERS = {"alice": "+447700900001", "bob": "+447700900002", "carol": "+447700900003"}
ALICE, BOB = NUMBERS["alice"], NUMBERS["bob"]


def two_phones(limits: NetworkLimits | None = None, *, seed: int = 1) -> World:
    world = World(limits=limits or NetworkLimits(), seed=seed)
    world.sim("alice", ALICE)
    world.sim("bob", BOB)
    world.heard("alice")
    world.heard("bob")
    return world


def test_a_delayed_sms_comes_when_it_is_due_and_not_before() -> None:
    world = two_phones()
    world.act(SetDelay(seconds=60.0))
    world.act(Submitted("BANK", (BOB,), "x"))
    world.pass_time(59.0)
    assert world.texts("bob") == []
    world.pass_time(1.0)
    assert world.texts("bob") == ["x"]


def test_order_is_kept_while_the_delay_falls() -> None:
    world = two_phones()
    world.act(SetDelay(seconds=60.0))
    world.act(Submitted("BANK", (BOB,), "first"))
    world.act(SetDelay(seconds=0.0))
    world.act(Submitted("BANK", (BOB,), "second"))
    world.pass_time(61.0)
    assert world.texts("bob") == ["first", "second"]


@given(seed=st.integers(0, 2**32))
def test_reordered_sms_all_come_once(seed: int) -> None:
    world = two_phones(seed=seed)
    world.act(SetReorder(probability=0.5, spread_seconds=30.0))
    sent = [f"sms {number}" for number in range(20)]
    for text in sent:
        world.act(Submitted("BANK", (BOB,), text))
    world.pass_time(61.0)
    assert sorted(world.texts("bob")) == sorted(sent)


def test_reorder_does_reorder() -> None:
    world = two_phones()
    world.act(SetReorder(probability=0.5, spread_seconds=30.0))
    sent = [f"sms {number:02}" for number in range(20)]
    for text in sent:
        world.act(Submitted("BANK", (BOB,), text))
    world.pass_time(61.0)
    assert world.texts("bob") != sent


def test_loss_loses_about_so_many() -> None:
    world = two_phones()
    world.act(SetLoss(probability=0.25))
    for number in range(400):
        world.act(Submitted("BANK", (BOB,), str(number)))
    assert 60 <= world.fates().count("lost") <= 140
    assert len(world.texts("bob")) == world.fates().count("delivered")


def test_duplicates_come_twice() -> None:
    world = two_phones()
    world.act(SetDuplicate(probability=1.0))
    world.act(Submitted("BANK", (BOB,), "x"))
    assert world.texts("bob") == ["x", "x"]
    assert world.fates() == ["delivered"]


def test_an_sms_is_given_up_when_its_validity_is_over() -> None:
    world = two_phones(NetworkLimits(validity_s=3600))
    world.act(PhoneDetached("bob"))
    world.ask("alice", SendSms(1, BOB, "x", True))
    world.pass_time(3599.0)
    assert world.fates() == ["queued"]
    world.pass_time(1.0)
    assert world.fates() == ["failed"]
    world.act(PhoneAttached("bob"))
    assert world.texts("bob") == []
    assert world.ask("alice", AskSent(1)) == [SentStatus(1, "failed")]


@pytest.mark.parametrize(
    ("limits", "fits"),
    [(NetworkLimits(sim_storage_sms=3), 3), (NetworkLimits(sim_storage_bytes=250), 2)],
)
def test_a_full_sim_leaves_the_rest_with_the_smsc_in_order(limits: NetworkLimits, fits: int) -> None:
    world = two_phones(limits)
    texts = [f"{number:0100}" for number in range(6)]
    for text in texts:
        world.act(Submitted("BANK", (BOB,), text))
    assert world.texts("bob") == texts[:fits]
    assert world.network.queued == 6 - fits
    for stored in list(world.arrivals):
        world.ask("bob", DeleteSms(stored.index))
    while world.network.queued:
        world.ask("bob", DeleteSms(world.arrivals[-1].index))
    assert [stored.text for stored in world.arrivals] == texts


def test_one_sms_above_the_byte_bound_still_fits_on_an_empty_sim() -> None:
    world = two_phones(NetworkLimits(sim_storage_bytes=10))
    world.act(Submitted("BANK", (BOB,), "longer than ten bytes"))
    assert world.texts("bob") == ["longer than ten bytes"]


def test_the_journal_forgets_the_oldest_that_is_settled_but_nothing_that_waits() -> None:
    world = two_phones(NetworkLimits(journal_sms=3))
    world.act(PhoneDetached("bob"))
    world.act(Submitted("BANK", (BOB,), "waits"))
    for number in range(5):
        world.act(Submitted("BANK", (ALICE,), str(number)))
    assert [message.text for message in world.network.journal()] == ["waits", "2", "3", "4"]
    assert len(world.saved(Message)) == 4


def test_what_came_due_while_nobody_was_here_is_delivered_after_a_restart() -> None:
    world = two_phones()
    world.act(SetDelay(seconds=60.0))
    world.act(Submitted("BANK", (BOB,), "x"))
    world.clock.time += 3600.0
    world.restart()
    assert world.network.next_due() == pytest.approx(world.message("x").expires_at)
    world.act(PhoneAttached("bob"))
    assert world.texts("bob") == ["x"]


class NetworkMachine(RuleBasedStateMachine):
    """Phones, SIMs, coverage and kills in any order, without loss: each SMS comes once, each pair's in order."""

    names = st.sampled_from(sorted(NUMBERS))

    @initialize(seed=st.integers(0, 1000))
    def begin(self, seed: int) -> None:
        self.world = World(
            limits=NetworkLimits(sim_storage_sms=3, validity_s=10**9, outgoing_per_sim=5, queued_sms=50), seed=seed
        )
        for name, number in NUMBERS.items():
            self.world.sim(name, number)
        self.accepted: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self.count = 0

    @rule(modem=names, to=names, report=st.booleans())
    def phone_sends(self, modem: str, to: str, report: bool) -> None:  # noqa: FBT001  Hypothesis passes it by name
        sims = self.world.network.sims()
        sim = next((sim for sim, _, attached, _ in sims if sim.modem == modem and attached), None)
        if sim is None:
            return
        self.count += 1
        text = f"sms {self.count}"
        self.world.ask(modem, SendSms(self.count, NUMBERS[to], text, report))
        if self.world.ask(modem, AskSent(self.count))[0] not in (
            SentStatus(self.count, "unknown"),
            SentStatus(self.count, "unreadable"),
        ):
            self.accepted[sim.number, NUMBERS[to]].append(text)

    @precondition(lambda self: self.world.network.queued < 50)
    @rule(to=names)
    def gateway_sends(self, to: str) -> None:
        waiting = sum(1 for record in self.world.store.load() if record.kind == "outgoing")
        if self.world.network.queued + waiting >= 50:
            return
        self.count += 1
        self.world.act(Submitted("BANK", (NUMBERS[to],), f"sms {self.count}"))
        self.accepted["BANK", NUMBERS[to]].append(f"sms {self.count}")

    @rule(modem=names)
    def phone_reads_and_deletes(self, modem: str) -> None:
        for stored in [stored for stored in self.world.saved(StoredSms) if isinstance(stored, StoredSms)]:
            self.world.ask(modem, DeleteSms(stored.index))

    @rule(name=names)
    def phone_comes(self, name: str) -> None:
        self.world.act(PhoneAttached(name))

    @rule(name=names)
    def phone_goes(self, name: str) -> None:
        self.world.act(PhoneDetached(name))

    @rule(name=names, on=st.booleans())
    def coverage(self, name: str, on: bool) -> None:  # noqa: FBT001  Hypothesis passes it by name
        self.world.act(SetCoverage(name=name, on=on))

    @rule(name=names, on=st.booleans())
    def pin(self, name: str, on: bool) -> None:  # noqa: FBT001  Hypothesis passes it by name
        self.world.act(LockSim(name=name, on=on))

    @rule(name=names)
    def sim_out(self, name: str) -> None:
        self.world.act(RemoveSim(name=name))

    @rule(name=names, modem=names)
    def sim_in(self, name: str, modem: str) -> None:
        self.world.act(InsertSim(name=name, modem=modem))

    @rule(seconds=st.sampled_from([0.0, 1.0, 7.0]), submit_seconds=st.sampled_from([0.0, 2.0]))
    def delay(self, seconds: float, submit_seconds: float) -> None:
        self.world.act(SetDelay(seconds=seconds, submit_seconds=submit_seconds))

    @rule(seconds=st.sampled_from([0.5, 3.0, 20.0]))
    def time(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    @rule()
    def kill(self) -> None:
        self.world.restart()

    @invariant()
    def nothing_comes_twice(self) -> None:
        if hasattr(self, "world"):
            texts = [stored.text for stored in self.world.arrivals]
            assert len(texts) == len(set(texts))

    def teardown(self) -> None:
        """Let everybody come back, read and delete: now everything that was accepted has arrived, in order."""
        if not hasattr(self, "world"):
            return
        for name in NUMBERS:
            self.world.act(InsertSim(name=name))
        for name in NUMBERS:
            self.world.act(InsertSim(name=name))
            self.world.act(LockSim(name=name, on=False))
            self.world.act(SetCoverage(name=name, on=True))
            self.world.act(PhoneAttached(name))
        for _ in range(200):
            self.world.pass_time(10.0)
            for name in NUMBERS:
                self.phone_reads_and_deletes(name)
            if not self.world.network.queued and not any(r.kind == "outgoing" for r in self.world.store.load()):
                break
        arrived: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for stored in self.world.arrivals:
            arrived[stored.sender, NUMBERS[stored.sim]].append(stored.text)
        assert arrived == self.accepted


TestNetworkMachine = NetworkMachine.TestCase
TestNetworkMachine.settings = settings(max_examples=60, stateful_step_count=30)
