"""A store that is an older copy: its keys were used further than it remembers, and are used no more (design.md §6).

An Olm session set back would encrypt two texts under one message key, and one-time keys that were used would be there
again. A consent names the device that it was given for, so there is no way to new keys without its owner: the line goes
off with a sentence, and the next yes makes a new device. An enrolment that was on is withdrawn at the server, since the
number would otherwise be locked to keys that nobody has any more; that is a signed request, and touches no ratchet.

Done at every start, before anything of a line runs.
"""

from typing import Final

from sayso.phone.core.lines import LineEvent, LineState
from sayso.phone.core.restored import is_older
from sayso.phone.line.leaving import Leaving
from sayso.phone.line.world import World
from sayso.phone.ports import Mark

OLDER_COPY: Final = (
    "cloud messaging was switched off: this phone's data is an older copy (restored from a backup or an image, or "
    "brought from another machine), and its keys may have been used since. Opt in again if you want to"
)


def follow_mark(world: World, mark: Mark) -> bool:
    """Hold the store against its mark, and move the mark with it from here on; returns whether lines were taken off.

    Raises:
        StoreLockedError: the mark cannot be read or kept; nothing may be sent then.
    """
    store, noted = world.store, mark.read()
    older = is_older(store.moves(), noted)
    if older:
        for line in store.lines.all():
            _take_off(world, line.id)
        # Last, so that a crash before this begins it anew.
        with store.transaction("mark-passed"):
            store.pass_moves(noted or 0)
    store.follow(mark.advance)
    return older


def _take_off(world: World, line_id: bytes) -> None:
    match world.store.lines.get(line_id).state:
        case LineState.ON:
            Leaving(world, line_id).begin(LineEvent.OLDER_COPY, OLDER_COPY)
        case LineState.ENROLLING:
            Leaving(world, line_id).ended(None, LineEvent.ENROLMENT_FAILED, OLDER_COPY)
        case LineState.PAUSED | LineState.POLICY_CHANGED:  # silent, and stays so
            Leaving(world, line_id).ended(None, LineEvent.SIM_RELEASED, OLDER_COPY)
        case LineState.OFF | LineState.LEAVING:
            pass
