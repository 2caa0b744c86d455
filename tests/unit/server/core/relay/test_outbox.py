"""Frames that leave together: when the connection is stirred, when it sends at once, and what is dropped."""

import gc
import weakref

from sayso.protocol.frames import CaughtUp, Deliver, Frame
from sayso.protocol.limits import LIMITS
from sayso.protocol.stream import write
from sayso.server.core.relay.outbox import Outbox


class Outlet:
    """A connection that sends what it is told to."""

    def __init__(self) -> None:
        self.stirred = 0
        self.messages: list[list[Frame]] = []
        self.box = Outbox(self)

    def stir(self) -> None:
        self.stirred += 1

    def send(self) -> None:
        self.messages.append(self.box.take())


def test_frames_of_a_turn_wait_for_its_end_and_stir_the_connection_once() -> None:
    outlet = Outlet()
    outlet.box.put(CaughtUp())
    outlet.box.put(CaughtUp())
    assert (outlet.stirred, outlet.messages) == (1, [])
    assert outlet.box.take() == [CaughtUp()] * 2
    assert outlet.box.take() == []
    outlet.box.put(CaughtUp())
    assert outlet.stirred == 2


def test_what_has_no_room_in_the_same_message_leaves_first_and_in_order() -> None:
    outlet = Outlet()
    envelope = bytes(LIMITS.envelope_bytes)
    frames = [Deliver(bytes([number]) * 16, envelope) for number in range(9)]
    for frame in frames:
        outlet.box.put(frame, len(envelope) + 64)
    outlet.send()
    assert [frame for message in outlet.messages for frame in message] == frames
    assert len(outlet.messages) == 3
    assert all(len(write(message)) <= LIMITS.message_bytes for message in outlet.messages)


def test_an_end_stirs_only_where_nothing_does_already() -> None:
    outlet = Outlet()
    outlet.box.end()
    outlet.box.end()
    assert (outlet.stirred, outlet.box.ended, outlet.box.closed) == (1, True, False)
    outlet.box.put(CaughtUp())  # what is queued still leaves
    assert outlet.box.frames == [CaughtUp()]

    busy = Outlet()
    busy.box.put(CaughtUp())
    busy.box.end()
    assert busy.stirred == 1


def test_a_connection_that_was_cut_takes_nothing_more() -> None:
    outlet = Outlet()
    outlet.box.cut()
    outlet.box.put(CaughtUp())
    assert (outlet.box.ended, outlet.box.closed, outlet.box.frames, outlet.stirred) == (True, True, [], 0)


def test_a_connection_that_was_cut_goes_without_the_collector() -> None:
    outlet = Outlet()
    gone = weakref.ref(outlet)
    outlet.box.put(CaughtUp())
    outlet.box.cut()
    gc.disable()
    try:
        del outlet
        assert gone() is None
    finally:
        gc.enable()
