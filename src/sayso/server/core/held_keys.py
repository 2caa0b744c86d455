"""Which published keys are kept and served (design.md §5.3)."""

from collections.abc import Sequence
from typing import Final

from sayso.protocol.keys import RatchetKey
from sayso.protocol.limits import HOUR

MAX_ONE_TIME_KEYS: Final = 100
PREVIOUS_ENVELOPE_KEY_S: Final = 48 * HOUR
"""How long the envelope key before the newest is still good to deposit under: senders have it in hand."""


def accept_one_time_keys(published: Sequence[RatchetKey], *, highest: int, held: int) -> list[RatchetKey]:
    """Pick the one-time keys to take, in order of their ids.

    Args:
        published: whose signatures were checked.
        highest: the greatest id that this device ever had taken, -1 for none. Nothing at or below it is taken: a key
            that was handed out and is published again would otherwise be handed out twice.
        held: how many are held now.
    """
    fresh = {key.id: key for key in reversed(published) if key.id > highest}
    room = max(0, MAX_ONE_TIME_KEYS - held)
    return [fresh[key_id] for key_id in sorted(fresh)[:room]]


def previous_is_served(replaced_at: float, now: float) -> bool:
    """Whether the envelope key that was replaced then (running seconds) is still served."""
    return now < replaced_at + PREVIOUS_ENVELOPE_KEY_S
