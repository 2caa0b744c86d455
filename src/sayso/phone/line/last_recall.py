"""Texts that still wait in others' mailboxes when their owner opts out: offered for recall first (design.md §5.6)."""

from collections.abc import Callable
from typing import Final

from sayso.phone.core.outgoing import Reason, State
from sayso.phone.core.texts import Text
from sayso.phone.line.world import World

PATIENCE_S: Final = 10.0
"""The owner waits for the switch: what the server has not answered by then is left where it is."""
_LOOK_S: Final = 0.1
_IN_MAILBOXES: Final = frozenset({State.DEPOSITED, State.ACCEPTED, State.RECALLING})


def still_waiting(world: World, line: bytes) -> list[Text]:
    """Return the line's texts that nobody has fetched yet, as far as this phone was told, in order."""
    return [
        text
        for text in world.store.texts.under_way(line)
        if text.state in _IN_MAILBOXES and text.reason != Reason.RELAY_SAYS_DELIVERED
    ]


async def recall_waiting(world: World, line: bytes, cancel: Callable[[bytes], Text]) -> int:
    """Recall what still waits, for as long as the owner can be expected to wait; returns how many were recalled.

    Args:
        world: see `World`.
        line: id of a line whose stream is open; nothing can be recalled by another.
        cancel: takes one text back, as its owner could.
    """
    texts = still_waiting(world, line)
    for text in texts:
        if text.state != State.RECALLING:
            cancel(text.message_id)
    until = world.clock.monotonic() + PATIENCE_S
    while world.store.texts.recalling(line) and world.clock.monotonic() < until:
        await world.clock.sleep(_LOOK_S)
    now = [world.store.texts.get(text.id) for text in texts]
    return sum(text is not None and text.state == State.CANCELLED for text in now)
