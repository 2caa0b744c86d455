"""An update that changes a default: no line stays in the cloud without a current consent (design.md §5.6).

Done at every start, before anything of a line runs, so before its first packet. Whoever has agreed is left alone;
whoever has not is asked anew, and is silent until the answer. The server's side of it is `sayso server purge`.
"""

import json
from typing import Final

from sayso.consent.errors import ConsentError
from sayso.consent.records import read_record
from sayso.phone.core.lines import LineEvent, LineState
from sayso.phone.core.remedy import Remedy
from sayso.phone.line.agreeing import Agreeing
from sayso.phone.line.leaving import Leaving
from sayso.phone.line.world import World
from sayso.protocol.ids import same

ASK_ANEW: Final = (
    "cloud messaging is off: an update found that it was on without your present consent. Read the policy "
    "(sayso phone policy), then agree (sayso phone agree) or opt out"
)


def take_off(world: World, line_id: bytes, remedy: Remedy) -> bool:
    """Take a line off the cloud if it has no current consent; returns whether it was taken off. Sends nothing."""
    line = world.store.lines.get(line_id)
    if line.state not in {LineState.ON, LineState.PAUSED, LineState.ENROLLING} or _is_current(world, line_id, remedy):
        return False
    sentence = f"{ASK_ANEW}. What was wrong: {remedy.wrong}"
    if line.state is LineState.ENROLLING:
        Leaving(world, line_id).ended(None, LineEvent.ENROLMENT_FAILED, sentence)
    else:
        Agreeing(world, line_id).ask(sentence)
    return True


def _is_current(world: World, line_id: bytes, remedy: Remedy) -> bool:
    device = world.store.lines.device(line_id)
    consent = None if device is None else world.store.lines.consent(device.record_id)
    if consent is None:
        return False
    try:
        agreed = read_record(json.loads(consent.record)).record.policy
    except (ConsentError, ValueError):
        return False
    return same(agreed.sha256, remedy.policy_sha256 or world.policy.sha256)
