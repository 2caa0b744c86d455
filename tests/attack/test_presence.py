"""Presence probing: a stranger deposits, retries, floods, recalls and asks, and watches what comes back, and when.

Whatever the recipient's phone is doing, the stranger must see the same frames at the same moments for ten minutes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from sayso.protocol.frames import Deposited, DepositState, Frame, Outcome, OutcomeState, Part, Refusal, Unreadable
from sayso.protocol.limits import KIB, LIMITS
from sayso.server.core.lines import Line
from tests.fakes.relay_world import Client, Phone, RelayWorld, handle_of
from tests.unit.server.core.relay.test_strangers import on_grid

STEP_S = 0.01


@dataclass
class Scene:
    """One stranger, one recipient, and a store of some speed."""

    world: RelayWorld
    line: Line
    stranger: Client
    phone: Phone | None = None

    def connected(self) -> Phone:
        if self.phone is None:
            self.phone = self.world.connect(self.line)
        return self.phone


# What the recipient's phone does, each hundredth of a second


def acknowledges(scene: Scene, _step: int) -> None:
    scene.connected().ack_all()


def cannot_read(scene: Scene, _step: int) -> None:
    for envelope in scene.connected().got:
        scene.connected().ack(envelope, Unreadable.RATCHET)


def is_silent(scene: Scene, _step: int) -> None:
    scene.connected()


def is_slow(scene: Scene, step: int) -> None:
    if step % 30 == 29:
        scene.connected().ack_all()


def is_congested(scene: Scene, _step: int) -> None:
    scene.connected().congest()


def is_off(_scene: Scene, _step: int) -> None:
    pass


def goes_off(scene: Scene, step: int) -> None:
    if step < 12:
        scene.connected()
    elif scene.phone is not None:
        scene.phone.leave()
        scene.phone = None


def comes_on(scene: Scene, step: int) -> None:
    if step >= 12:
        scene.connected().ack_all()


def comes_and_goes(scene: Scene, step: int) -> None:
    if step % 7 == 0:
        scene.connected()
    elif step % 7 == 5 and scene.phone is not None:
        scene.phone.ack_all()
        scene.phone.leave()
        scene.phone = None


RECIPIENTS = [
    acknowledges,
    cannot_read,
    is_silent,
    is_slow,
    is_congested,
    is_off,
    goes_off,
    comes_on,
    comes_and_goes,
]


# What the stranger does, each hundredth of a second


def deposits_once(scene: Scene, step: int) -> None:
    if step == 10:
        scene.stranger.deposit(scene.line, b"one", granted=False)


def deposits_steadily(scene: Scene, step: int) -> None:
    if step % 3 == 0:
        scene.stranger.deposit(scene.line, b"%d" % step, granted=False)


def repeats_one(scene: Scene, step: int) -> None:
    if step % 11 == 0:
        scene.stranger.deposit(scene.line, b"the same", granted=False)


def uses_a_handle_twice(scene: Scene, step: int) -> None:
    if step == 10:
        scene.stranger.deposit(scene.line, b"one", granted=False)
    elif step in {15, 40, 100}:
        scene.stranger.deposit(scene.line, b"%d" % step, granted=False, handle=handle_of(b"one"))


def uses_another_handle(scene: Scene, step: int) -> None:
    if step == 10:
        scene.stranger.deposit(scene.line, b"one", granted=False)
    elif step in {15, 40, 100}:
        scene.stranger.deposit(scene.line, b"one", granted=False, handle=handle_of(b"%d" % step))


def fills_the_count(scene: Scene, step: int) -> None:
    if step % 10 == 0:
        for number in range(60):
            scene.stranger.deposit(scene.line, b"%d %d" % (step, number), granted=False)


def fills_the_bytes(scene: Scene, step: int) -> None:
    if step % 10 == 0:
        for number in range(10):
            scene.stranger.deposit(scene.line, b"%d %d" % (step, number) + bytes(64 * KIB - 10), granted=False)


def asks_and_recalls(scene: Scene, step: int) -> None:
    if step == 10:
        scene.stranger.deposit(scene.line, b"one", granted=False)
    elif step in {11, 25, 36, 60, 100}:
        scene.stranger.ask(b"one")
        scene.stranger.recall(b"one")


def tries_a_wrong_grant(scene: Scene, step: int) -> None:
    if step == 10:
        scene.stranger.deposit(scene.line, b"one", grant=b"w" * 32)


def names_the_wrong_device(scene: Scene, step: int) -> None:
    if step == 10:
        scene.stranger.deposit(scene.line, b"one", granted=False, parts=[Part(b"x" * 16, 1, b"h" * 32, b"one")])


STRANGERS = [
    deposits_once,
    deposits_steadily,
    repeats_one,
    uses_a_handle_twice,
    uses_another_handle,
    fills_the_count,
    fills_the_bytes,
    asks_and_recalls,
    tries_a_wrong_grant,
    names_the_wrong_device,
]
Act = Callable[[Scene, int], None]
Transcript = list[tuple[float, Frame]]


def watch(stranger: Act, recipient: Act, *, commit_s: float, full: tuple[int, int] | None = None) -> Transcript:
    """Play three seconds and then ask for ten minutes less a moment; return what the stranger saw."""
    world = RelayWorld(commit_s=commit_s)
    line = world.line("bob")
    if recipient is not is_off:
        world.online(line).leave()
    scene = Scene(world, line, world.client())
    begun = world.now
    for step in range(300):
        if full is not None:
            world.full = full[0] <= step < full[1]
        recipient(scene, step)
        stranger(scene, step)
        world.advance(begun + (step + 1) * STEP_S - world.now)
    world.advance(LIMITS.stranger_recall_s - 10)
    scene.stranger.ask(b"one")
    scene.stranger.recall(b"one")
    stranger(scene, 10)
    world.advance(5)
    return scene.stranger.link.transcript


CONTENDS = {deposits_steadily, fills_the_count, fills_the_bytes}
"""These keep the recipient's phone busy enough for its own marks and acknowledgements to take turns with the stranger's
writes. What of it is left to see on a disk that is slower than the grid stands in docs/threat-model.md."""
SLOW_S = 0.015


def visible(stranger: Act, transcript: Transcript, *, commit_s: float) -> list[object]:
    """Return what must be the same: frames, their order, and their times."""
    timed = stranger not in CONTENDS or commit_s < SLOW_S
    return list(transcript) if timed else [frame for _, frame in transcript]


@pytest.mark.parametrize("commit_s", [0.0, 0.012, 0.12, 0.7])
@pytest.mark.parametrize("stranger", STRANGERS)
def test_a_stranger_sees_the_same_whatever_the_phone_is_doing(stranger: Act, commit_s: float) -> None:
    seen = {
        recipient.__name__: visible(stranger, watch(stranger, recipient, commit_s=commit_s), commit_s=commit_s)
        for recipient in RECIPIENTS
    }
    assert seen["is_off"]
    for name, transcript in seen.items():
        assert transcript == seen["is_off"], name


@pytest.mark.parametrize("commit_s", [0.0, 0.012, 0.12])
@pytest.mark.parametrize("stranger", STRANGERS)
def test_a_full_disk_tells_a_stranger_nothing_either(stranger: Act, commit_s: float) -> None:
    seen = {
        recipient.__name__: visible(
            stranger, watch(stranger, recipient, commit_s=commit_s, full=(0, 180)), commit_s=commit_s
        )
        for recipient in RECIPIENTS
    }
    assert seen["is_off"]
    for name, transcript in seen.items():
        assert transcript == seen["is_off"], name


@pytest.mark.parametrize("recipient", RECIPIENTS)
def test_every_answer_to_a_stranger_is_on_the_grid(recipient: Act) -> None:
    for when, _ in watch(deposits_steadily, recipient, commit_s=0.037):
        assert on_grid(when)


@pytest.mark.parametrize("recipient", RECIPIENTS)
def test_a_stranger_is_told_accepted_only_when_it_is_true(recipient: Act) -> None:
    """Sameness must not be bought with a lie: what was accepted is durable, or its outcome is."""
    world = RelayWorld(commit_s=0.12)
    line = world.line("bob")
    scene = Scene(world, line, world.client())
    refs: dict[bytes, int] = {}
    for step in range(200):
        recipient(scene, step)
        if step % 5 == 0:
            refs[b"%d" % step] = scene.stranger.deposit(line, b"%d" % step, granted=False)
        world.advance(STEP_S)
        for envelope, ref in refs.items():
            if scene.stranger.answer(ref) is DepositState.ACCEPTED:
                assert envelope in world.stored or world.outcome(envelope) is not None
    world.advance(2)
    assert {scene.stranger.answer(ref) for ref in refs.values()} == {DepositState.ACCEPTED}
    assert scene.stranger.sender.open_tickets == 0


def test_a_stranger_never_hears_delivered() -> None:
    for recipient in RECIPIENTS:
        for _, frame in watch(deposits_steadily, recipient, commit_s=0.0):
            assert not (isinstance(frame, Deposited) and frame.state is DepositState.DELIVERED)
            assert not (isinstance(frame, Outcome) and frame.state is OutcomeState.DELIVERED)


def test_a_contact_is_told_at_once() -> None:
    """The other side of the promise: to contacts the same phone answers without a grid."""
    world = RelayWorld()
    line, contact = world.line("bob"), world.client()
    phone = world.online(line)
    ref = contact.deposit(line, b"one")
    phone.ack(b"one")
    assert contact.answer(ref) is DepositState.DELIVERED


def test_after_ten_minutes_nothing_of_this_is_left() -> None:
    """Echoes cost memory and a share of the mailbox: they end when a stranger may know."""
    world = RelayWorld()
    line, stranger = world.line("bob"), world.client()
    phone = world.online(line)
    for number in range(LIMITS.mailbox_stranger_envelopes):
        stranger.deposit(line, b"%d" % number, granted=False)
        phone.ack(b"%d" % number)
    assert stranger.answer(stranger.deposit(line, b"one too many", granted=False)) is Refusal.MAILBOX_FULL
    world.advance(LIMITS.stranger_recall_s + 1)
    world.assert_empty()
    ref = stranger.deposit(line, b"one too many", granted=False)
    phone.ack(b"one too many")
    world.advance(1)
    assert stranger.answer(ref) is DepositState.ACCEPTED
