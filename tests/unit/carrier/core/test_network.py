"""What phones and operators do to the network, and what follows."""

import pytest

from sayso.carrier.core.events import (
    AddModem,
    AddSim,
    InsertSim,
    LockSim,
    PhoneAttached,
    PhoneDetached,
    RemoveModem,
    RemoveSim,
    RetireSim,
    SetCoverage,
    SetDelay,
    SetLoss,
    Submitted,
)
from sayso.carrier.core.limits import NetworkLimits
from sayso.carrier.core.records import SentRef, Sim
from sayso.carrier.errors import (
    BadValueError,
    NameTakenError,
    NoSuchModemError,
    NoSuchSimError,
    NumberTakenError,
    QueueFullError,
    RefusedError,
)
from sayso.protocol.modem import (
    AskSent,
    Coverage,
    DeleteSms,
    ListSms,
    SendSms,
    SentStatus,
    SimState,
    SmsAccepted,
    SmsReceived,
    SmsRejected,
    SmsReport,
)
from tests.fakes.carrier_world import START, World

ALICE, BOB, CAROL = "+447700900001", "+447700900002", "+447700900003"


@pytest.fixture
def world() -> World:
    world = World()
    world.sim("alice", ALICE)
    world.sim("bob", BOB)
    return world


def test_a_phone_that_attaches_hears_of_its_sim_coverage_and_stored_sms(world: World) -> None:
    world.act(Submitted("BANK", (ALICE,), "one"))
    world.act(PhoneDetached("alice"))
    world.heard("alice")
    world.act(PhoneAttached("alice"))
    sim, coverage, stored = world.heard("alice")
    assert isinstance(sim, SimState)
    assert (sim.present, sim.locked, sim.number, len(sim.imsi), len(sim.iccid), len(sim.imei)) == (
        True,
        False,
        ALICE,
        15,
        19,
        15,
    )
    assert sim.imsi.startswith("00101")
    assert coverage == Coverage(registered=True)
    assert isinstance(stored, SmsReceived)
    assert (stored.sender, stored.text, stored.sent_at, stored.parts) == ("BANK", "one", int(START), 1)


def test_an_sms_goes_from_phone_to_phone_with_a_report(world: World) -> None:
    heard = world.ask("alice", SendSms(7, BOB, "hello", True))
    assert heard == [SmsAccepted(7), SmsReport(7, delivered=True)]
    assert world.texts("bob") == ["hello"]
    assert world.ask("alice", AskSent(7)) == [SentStatus(7, "delivered")]


def test_no_report_where_none_was_asked_for(world: World) -> None:
    assert world.ask("alice", SendSms(7, BOB, "hello", False)) == [SmsAccepted(7)]
    assert world.ask("alice", AskSent(7)) == [SentStatus(7, "delivered")]


def test_a_reference_that_was_taken_is_not_sent_again_even_after_a_restart(world: World) -> None:
    world.ask("alice", SendSms(7, BOB, "hello", False))
    assert world.ask("alice", SendSms(7, BOB, "hello", False)) == [SentStatus(7, "delivered")]
    world.restart()
    world.act(PhoneAttached("alice"))
    world.act(PhoneAttached("bob"))
    assert world.ask("alice", SendSms(7, BOB, "hello", True)) == [SentStatus(7, "delivered")]
    assert [stored.text for stored in world.arrivals] == ["hello"]


def test_references_are_a_sims_own(world: World) -> None:
    world.ask("alice", SendSms(7, BOB, "from alice", False))
    assert world.ask("bob", AskSent(7)) == [SentStatus(7, "unknown")]
    assert world.ask("bob", SendSms(7, ALICE, "from bob", False)) == [SmsAccepted(7)]


def test_a_pending_sms_outlives_its_phone_and_the_carrier(world: World) -> None:
    world.act(SetDelay(seconds=0.0, submit_seconds=10.0))
    assert world.ask("alice", SendSms(7, BOB, "hello", True)) == []
    assert world.ask("alice", AskSent(7)) == [SentStatus(7, "pending")]
    world.act(PhoneDetached("alice"))
    world.restart()
    world.act(PhoneAttached("bob"))
    world.pass_time(11.0)
    assert world.texts("bob") == ["hello"]
    world.act(PhoneAttached("alice"))
    assert SmsReport(7, delivered=True) in world.heard("alice")
    assert world.ask("alice", AskSent(7)) == [SentStatus(7, "delivered")]


def test_a_report_that_nobody_heard_comes_at_the_next_attach_once(world: World) -> None:
    world.act(PhoneDetached("bob"))
    world.ask("alice", SendSms(7, BOB, "hello", True))
    world.act(PhoneDetached("alice"))
    world.act(PhoneAttached("bob"))
    world.act(PhoneAttached("alice"))
    assert SmsReport(7, delivered=True) in world.heard("alice")
    world.act(PhoneAttached("alice"))
    assert not any(isinstance(frame, SmsReport) for frame in world.heard("alice"))


def test_an_sms_waits_for_phone_coverage_sim_and_pin(world: World) -> None:
    for away, back in (
        (PhoneDetached("bob"), PhoneAttached("bob")),
        (SetCoverage(name="bob", on=False), SetCoverage(name="bob", on=True)),
        (RemoveSim(name="bob"), InsertSim(name="bob")),
        (LockSim(name="bob", on=True), LockSim(name="bob", on=False)),
    ):
        world.act(away)
        world.heard("bob")
        world.act(Submitted("BANK", (BOB,), str(away)))
        world.pass_time(3600.0)
        assert world.texts("bob") == []
        world.act(back)
        assert world.texts("bob")[-1] == str(away)


def test_without_coverage_sim_or_pin_nothing_is_taken_and_the_reference_stays_free(world: World) -> None:
    world.act(SetCoverage(name="alice", on=False))
    assert world.ask("alice", SendSms(1, BOB, "a", True)) == [SmsRejected(1, "no-coverage")]
    assert world.ask("alice", AskSent(1)) == [SentStatus(1, "unknown")]
    world.act(LockSim(name="alice", on=True))
    assert world.ask("alice", SendSms(1, BOB, "a", True)) == [SmsRejected(1, "sim-locked")]
    assert world.ask("alice", AskSent(1)) == [SentStatus(1, "unreadable")]
    world.act(RemoveSim(name="alice"))
    assert world.ask("alice", SendSms(1, BOB, "a", True)) == [SmsRejected(1, "no-sim")]
    assert world.ask("alice", AskSent(1)) == [SentStatus(1, "unreadable")]
    world.act(InsertSim(name="alice"))
    world.act(LockSim(name="alice", on=False))
    world.act(SetCoverage(name="alice", on=True))
    assert world.ask("alice", SendSms(1, BOB, "a", False)) == [SmsAccepted(1)]


@pytest.mark.parametrize(
    "number", ["nobody", "+", "1", "+44 7700 900002", "+4477009000021234", "+447700900002\n", "٤٤٧٧٠٠"]
)
def test_what_is_no_number_is_rejected(world: World, number: str) -> None:
    assert world.ask("alice", SendSms(1, number, "a", True)) == [SmsRejected(1, "bad-number")]
    assert world.fates() == []


def test_a_text_of_too_many_parts_is_rejected(world: World) -> None:
    assert world.ask("alice", SendSms(1, BOB, "й" * (67 * 255 + 1), True)) == [SmsRejected(1, "bad-text")]


def test_a_number_that_is_nobodys_fails_and_says_so(world: World) -> None:
    assert world.ask("alice", SendSms(1, CAROL, "a", True)) == [SmsAccepted(1), SmsReport(1, delivered=False)]
    assert world.ask("alice", AskSent(1)) == [SentStatus(1, "failed")]


def test_a_stored_sms_stays_until_it_is_deleted(world: World) -> None:
    world.act(Submitted("BANK", (ALICE,), "one"))
    (stored,) = [frame for frame in world.heard("alice") if isinstance(frame, SmsReceived)]
    assert world.ask("alice", ListSms()) == [stored]
    assert world.ask("alice", DeleteSms(stored.index)) == []
    assert world.ask("alice", DeleteSms(stored.index)) == []
    assert world.ask("alice", ListSms()) == []


def test_no_index_comes_twice_so_a_late_deletion_hits_nothing(world: World) -> None:
    world.act(Submitted("BANK", (ALICE,), "one"))
    first = world.arrivals[-1].index
    world.ask("alice", DeleteSms(first))
    world.restart()
    world.act(PhoneAttached("alice"))
    world.act(Submitted("BANK", (ALICE,), "two"))
    world.ask("alice", DeleteSms(first))
    world.ask("alice", ListSms())
    assert world.arrivals[-1].index > first
    assert len(world.ask("alice", ListSms())) == 1


def test_a_phone_cannot_delete_what_lies_on_another_sim(world: World) -> None:
    world.act(Submitted("BANK", (BOB,), "one"))
    world.ask("alice", DeleteSms(world.arrivals[-1].index))
    assert len(world.ask("bob", ListSms())) == 1


def test_a_sim_takes_its_sms_along_to_another_modem(world: World) -> None:
    world.act(Submitted("BANK", (ALICE,), "one"))
    world.heard("alice")
    world.heard("bob")
    world.act(InsertSim(name="alice", modem="bob"))
    left, coverage = world.heard("alice")
    assert isinstance(left, SimState)
    assert (left.present, left.imsi, left.number) == (False, "", None)
    assert coverage == Coverage(registered=False)
    state, _, stored = world.heard("bob")
    assert isinstance(state, SimState)
    assert state.number == ALICE
    assert isinstance(stored, SmsReceived)
    sims = {sim.name: sim.modem for sim, *_ in world.network.sims()}
    assert sims == {"alice": "bob", "bob": None}


def test_a_locked_sim_tells_its_iccid_only(world: World) -> None:
    world.act(Submitted("BANK", (ALICE,), "one"))
    world.heard("alice")
    world.act(LockSim(name="alice", on=True))
    state, coverage = world.heard("alice")
    assert isinstance(state, SimState)
    assert (state.present, state.locked, state.imsi, state.number, len(state.iccid)) == (True, True, "", None, 19)
    assert coverage == Coverage(registered=False)
    assert world.ask("alice", ListSms()) == []


def test_a_sim_may_not_know_its_number(world: World) -> None:
    world.act(AddSim(name="carol", number=CAROL, tells_number=False))
    world.act(PhoneAttached("carol"))
    state = world.heard("carol")[0]
    assert isinstance(state, SimState)
    assert state.number is None
    world.ask("alice", SendSms(1, CAROL, "hello", False))
    assert world.texts("carol") == ["hello"]


def test_a_retired_number_is_free_and_its_sms_are_gone(world: World) -> None:
    world.act(Submitted("BANK", (BOB,), "old"))
    world.ask("bob", SendSms(3, ALICE, "mine", False))
    world.act(PhoneDetached("bob"))
    world.act(Submitted("BANK", (BOB,), "waiting"))
    world.act(RetireSim(name="bob"))
    assert world.message("waiting").fate == "failed"
    assert not any(sim.name == "bob" for sim in world.saved(Sim) if isinstance(sim, Sim))
    assert not any(ref.sim == "bob" for ref in world.saved(SentRef) if isinstance(ref, SentRef))
    world.act(AddSim(name="newcomer", number=BOB))
    world.act(PhoneAttached("newcomer"))
    assert world.texts("newcomer") == []
    world.act(Submitted("BANK", (BOB,), "for the newcomer"))
    assert world.texts("newcomer") == ["for the newcomer"]


def test_a_modem_can_be_empty_and_can_go(world: World) -> None:
    world.act(AddModem(name="spare"))
    world.act(PhoneAttached("spare"))
    state = world.heard("spare")[0]
    assert isinstance(state, SimState)
    assert (state.present, len(state.imei)) == (False, 15)
    world.act(InsertSim(name="alice", modem="spare"))
    world.act(RemoveModem(name="spare"))
    assert world.links.closed == ["spare"]
    assert {sim.name: sim.modem for sim, *_ in world.network.sims()}["alice"] is None
    with pytest.raises(NoSuchModemError):
        world.act(PhoneAttached("spare"))


@pytest.mark.parametrize(
    ("event", "error"),
    [
        (AddSim(name="alice", number=CAROL), NameTakenError),
        (AddSim(name="carol", number=ALICE), NumberTakenError),
        (AddModem(name="alice"), NameTakenError),
        (RemoveSim(name="carol"), NoSuchSimError),
        (InsertSim(name="alice", modem="carol"), NoSuchModemError),
        (SetCoverage(name="carol", on=True), NoSuchModemError),
        (Submitted("a sender too long", (ALICE,), "x"), BadValueError),
        (Submitted("BANK", (ALICE, "nobody"), "x"), BadValueError),
        (Submitted("BANK", (ALICE,), "\ud800"), BadValueError),
    ],
)
def test_a_refusal_changes_nothing(world: World, event: AddSim, error: type[RefusedError]) -> None:
    before = world.store.load()
    with pytest.raises(error):
        world.act(event)
    assert world.store.load() == before
    world.act(PhoneAttached("alice"))
    assert world.store.load() == before


def test_bounds_are_refusals() -> None:
    world = World(limits=NetworkLimits(sims=2, modems=2, queued_sms=2, outgoing_per_sim=1, remembered_refs_per_sim=2))
    world.sim("alice", ALICE)
    world.act(AddSim(name="bob", number=BOB))
    with pytest.raises(BadValueError):
        world.act(AddSim(name="carol", number=CAROL))
    with pytest.raises(QueueFullError):
        world.act(Submitted("BANK", (BOB, BOB, BOB), "x"))
    world.act(SetDelay(seconds=0.0, submit_seconds=5.0))
    world.ask("alice", SendSms(1, BOB, "x", False))
    assert world.ask("alice", SendSms(2, BOB, "x", False)) == [SmsRejected(2, "queue-full")]
    world.act(Submitted("BANK", (BOB,), "x"))
    with pytest.raises(QueueFullError):
        world.act(Submitted("BANK", (BOB,), "x"))


def test_the_oldest_settled_reference_is_forgotten_first() -> None:
    world = World(limits=NetworkLimits(remembered_refs_per_sim=2, outgoing_per_sim=1))
    world.sim("alice", ALICE)
    for ref in (1, 2, 3):
        world.ask("alice", SendSms(ref, ALICE, "x", False))
    assert [world.ask("alice", AskSent(ref)) for ref in (1, 2, 3)] == [
        [SentStatus(1, "unknown")],
        [SentStatus(2, "delivered")],
        [SentStatus(3, "delivered")],
    ]
    assert len(world.saved(SentRef)) == 2


def test_the_network_gives_up_a_lost_sms_silently(world: World) -> None:
    world.act(SetLoss(probability=1.0))
    assert world.ask("alice", SendSms(1, BOB, "x", True)) == [SmsAccepted(1)]
    world.pass_time(1_000_000.0)
    assert world.ask("alice", AskSent(1)) == [SentStatus(1, "sent")]
    assert world.texts("bob") == []
