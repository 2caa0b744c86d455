"""A server's disk is set back to an older image: a recall must not contradict what was delivered since."""

import copy

from sayso.protocol.frames import OutcomeState
from sayso.server.core.model import Batch, all_handed
from tests.fakes.relay_world import RelayWorld, at_once


def set_back(world: RelayWorld, image: object, *, safely: bool) -> None:
    """Start from an older state of the disk; `safely`: as the server does after a long absence."""
    vars(world.disk).update(copy.deepcopy(vars(image)))
    world.start()
    if safely:
        held = at_once(world.store.load())
        at_once(world.store.commit(Batch(handed=all_handed(held.waiting))))
        world.start()


def delivered_and_set_back(*, safely: bool) -> OutcomeState | object:
    """Deposit, take an image, deliver, set back to the image, recall before the device comes. Returns the answer."""
    world = RelayWorld()
    bob = world.line("bob")
    client = world.client()
    client.deposit(bob, b"text")
    world.settle()
    image = copy.deepcopy(world.disk)
    phone = world.online(bob)
    assert phone.got == [b"text"]
    set_back(world, image, safely=safely)
    sender = world.client()
    ref = sender.recall(b"text")
    world.settle()
    world.advance(1.0)
    answer = sender.answer(ref)
    if safely:
        again = world.connect(bob)
        world.settle()
        assert again.link.withdrawn  # the device is asked, and knows
        again.withdrawn(b"text", had_it=True)
        world.settle()
        assert world.outcome(b"text") is OutcomeState.DELIVERED
        assert again.got == []
    return answer


def test_what_was_handed_since_the_image_is_in_doubt_and_never_recalled() -> None:
    assert delivered_and_set_back(safely=True) is OutcomeState.IN_DOUBT


def test_control_without_the_marks_the_recall_would_contradict_the_delivery() -> None:
    assert delivered_and_set_back(safely=False) is OutcomeState.RECALLED
