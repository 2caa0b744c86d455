"""Recall by a stranger: somebody takes back, or asks about, what is not his, or learns by a recall what he must not."""

import hashlib

import pytest

from sayso.protocol.frames import DepositState, OutcomeState, Recall, Refusal
from sayso.protocol.ids import handle_hash
from sayso.protocol.limits import LIMITS
from tests.fakes.relay_world import Client, RelayWorld, handle_of


@pytest.fixture
def world() -> RelayWorld:
    return RelayWorld()


def recall_with(world: RelayWorld, client: Client, handle: bytes) -> object:
    ref = client.next_ref()
    world.relay.recall(client.sender, Recall(ref, handle))
    world.advance(1)
    return client.answer(ref)


def test_what_a_thief_of_the_database_holds_recalls_nothing(world: RelayWorld) -> None:
    """The server, its backups and whoever stole them hold hashes of handles; a recall needs the handle itself."""
    line, owner, thief = world.line("bob"), world.client(), world.client()
    owner.deposit(line, b"one")
    world.settle()
    ((waiting, _),) = world.disk.mail.values()
    known = [waiting.handle_hash, waiting.envelope_id * 2, hashlib.sha256(b"one").digest(), waiting.device * 2]
    for guess in known:
        assert recall_with(world, thief, guess) is OutcomeState.UNKNOWN
    assert world.stored == [b"one"]
    assert world.online(line).got == [b"one"]


def test_a_stranger_who_deposited_may_not_recall_for_ten_minutes(world: RelayWorld) -> None:
    """A recall that worked would say that the phone is off."""
    line, stranger = world.line("bob"), world.client()
    ref = stranger.deposit(line, b"one", granted=False)
    world.advance(1)
    assert stranger.answer(ref) is DepositState.ACCEPTED
    assert recall_with(world, stranger, handle_of(b"one")) is OutcomeState.TOO_EARLY
    world.advance(LIMITS.stranger_recall_s - 4)
    assert recall_with(world, stranger, handle_of(b"one")) is OutcomeState.TOO_EARLY
    assert world.stored == [b"one"]
    world.advance(3)
    assert recall_with(world, stranger, handle_of(b"one")) is OutcomeState.RECALLED
    assert world.stored == []


@pytest.mark.parametrize("swept", [False, True])
def test_after_ten_minutes_he_hears_what_became_of_it(world: RelayWorld, *, swept: bool) -> None:
    line, stranger = world.line("bob"), world.client()
    phone = world.online(line)
    stranger.deposit(line, b"one", granted=False)
    phone.ack(b"one")
    world.advance(LIMITS.stranger_recall_s + 1)
    if swept:
        world.relay.sweep(now=world.now)
    assert recall_with(world, stranger, handle_of(b"one")) is OutcomeState.DELIVERED
    assert stranger.sender.open_questions == 0


def test_a_reconnect_or_a_restart_does_not_shorten_the_ten_minutes(world: RelayWorld) -> None:
    line, stranger = world.line("bob"), world.client()
    phone = world.online(line)
    stranger.deposit(line, b"acknowledged", granted=False)
    phone.ack(b"acknowledged")
    phone.leave()
    stranger.deposit(line, b"waits", granted=False)
    world.advance(1)
    again = world.client()
    for envelope in (b"acknowledged", b"waits"):
        assert recall_with(world, again, handle_of(envelope)) is OutcomeState.TOO_EARLY
    world.crash()
    again = world.client()
    for envelope in (b"acknowledged", b"waits"):
        assert recall_with(world, again, handle_of(envelope)) is OutcomeState.TOO_EARLY


def test_nobody_can_make_anothers_handle_his_own(world: RelayWorld) -> None:
    """Depositing under another's handle hash would make its outcome lie; the first holder keeps it."""
    line, owner, thief = world.line("bob"), world.client(), world.client()
    owner.deposit(line, b"one")
    world.settle()
    ref = thief.deposit(line, b"two", handle=handle_of(b"one"))
    assert thief.answer(ref) is Refusal.HANDLE_USED
    ask = owner.ask(b"one")
    world.advance(1)
    assert owner.answer(ask) is OutcomeState.WAITING


def test_an_answer_never_shows_a_handle(world: RelayWorld) -> None:
    line, owner = world.line("bob"), world.client()
    owner.deposit(line, b"one")
    world.settle()
    owner.recall(b"one")
    world.advance(1)
    handle = handle_of(b"one")
    for frame in owner.link.frames:
        assert handle not in [getattr(frame, name) for name in frame.__struct_fields__]
        assert getattr(frame, "handle_hash", handle_hash(handle)) == handle_hash(handle)
