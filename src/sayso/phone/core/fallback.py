"""When a text that does not arrive by cloud goes by SMS (design.md §5.4): the owner's policy, and what it means now.

What keeps a text decides which half of the policy holds:

    the number has left the cloud, or the line is off     undelivered; with `after` at once, since nothing will come
    no stream, and nobody can have it                     unreachable
    the server cannot take it, or has it                  undelivered

Patience runs from the moment of writing. Nothing goes by SMS by itself while somebody may have it: what the server has
is recalled first, and what is in doubt is its owner's to decide.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sayso.phone.core.outgoing import Reason, State, Wish
from sayso.phone.core.sms.alphabet import fits_sms
from sayso.phone.core.texts import Text
from sayso.protocol.limits import LIMITS, MINUTE

GIVE_UP_S: Final = LIMITS.ttl_max_s
"""A text that nobody has taken for so long is not sent any more, as one that the server has would have expired."""


class When(StrEnum):
    """When a text goes by SMS."""

    NEVER = "never"
    ASK = "ask"
    AFTER = "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """An owner's choice, for a conversation or for a line."""

    undelivered: When = When.ASK
    undelivered_after_s: float = 10 * MINUTE
    unreachable: When = When.ASK
    unreachable_after_s: float = 10 * MINUTE


AT_FIRST: Final = Policy()


class Awaited(StrEnum):
    """What a text waits for."""

    CONNECTION = "connection"
    SERVER = "server"
    RECIPIENT = "recipient"
    RECALL = "recall"
    DEVICE = "recipient-device"
    MODEM = "modem"
    OWNER = "owner"


class Then(StrEnum):
    """What the phone does by itself when patience is over."""

    SMS = "sms"
    """At once where nobody has it, after a recall where the server has it."""
    ASK = "ask"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a text waits for, and until when."""

    what: Awaited
    at: float | None = None
    """Unix seconds; None: for as long as it takes."""
    then: Then | None = None
    why: Reason | None = None
    """What is written on the text when that happens."""


_ASKED: Final = frozenset({Reason.ASK, Reason.ASK_UNDELIVERED, Reason.ASK_UNREACHABLE, Reason.ASK_DOUBT})
_LEFT: Final = frozenset({Reason.ASK, Reason.NEVER_SMS})
"""Why a text waits whose recipient is not in the cloud, or whose line is off."""


def plan(text: Text, policy: Policy, *, connected: bool) -> Plan | None:
    """Tell what a text of ours waits for; None for one that has its outcome.

    Args:
        text: of direction `OUT`.
        policy: the one that holds for its conversation.
        connected: whether its line's stream is open.
    """
    match text.state:
        case State.QUEUED:
            return _queued(text, policy, connected=connected)
        case State.DEPOSITED | State.ACCEPTED if text.reason != Reason.RELAY_SAYS_DELIVERED:
            return _with_server(text, policy, connected=connected)
        case State.RECALLING:
            return Plan(what=Awaited.RECALL if connected else Awaited.CONNECTION)
        case State.IN_DOUBT:
            return Plan(what=Awaited.DEVICE)
        case State.SMS_SENDING:
            return Plan(what=Awaited.MODEM)
        case _:
            return None


def allows(policy: Policy, reason: Reason) -> bool:
    """Whether the policy still lets a text go by SMS by itself, for this reason."""
    return (policy.unreachable if reason is Reason.SERVER_AWAY else policy.undelivered) is When.AFTER


def after_recall(text: Text, policy: Policy) -> Reason | None:
    """Tell why a text that nobody has goes by SMS now; None: it does not, and is sealed anew.

    Args:
        text: queued again, with the wish that it was recalled for.
        policy: as it is now; it may have changed since.
    """
    if text.state != State.QUEUED or text.doubt or not fits_sms(text.text):
        return None
    if text.wish == Wish.OWNER:
        return Reason.OWNER_CHOSE
    if text.wish == Wish.POLICY and allows(policy, Reason.NOT_FETCHED):
        return Reason.NOT_FETCHED
    return None


def _queued(text: Text, policy: Policy, *, connected: bool) -> Plan:
    left = text.reason in _LEFT
    if left:
        what, when, at, why = Awaited.RECIPIENT, policy.undelivered, text.at, Reason.LEFT_CLOUD
    elif connected:
        what, when, why = Awaited.SERVER, policy.undelivered, Reason.NOT_FETCHED
        at = text.at + policy.undelivered_after_s
    else:
        what, when, why = Awaited.CONNECTION, policy.unreachable, Reason.SERVER_AWAY
        at = text.at + policy.unreachable_after_s
    ask = Reason.ASK if left else Reason.ASK_UNDELIVERED if connected else Reason.ASK_UNREACHABLE
    return _due(text, what, when, at=at, sms=why, ask=ask)


def _with_server(text: Text, policy: Policy, *, connected: bool) -> Plan:
    what = Awaited.RECIPIENT
    if text.state == State.DEPOSITED:
        what = Awaited.SERVER
    if not connected:
        what = Awaited.CONNECTION
    at = text.at + policy.undelivered_after_s
    ask = Reason.ASK_UNDELIVERED if connected else Reason.ASK_UNREACHABLE
    return _due(text, what, policy.undelivered, at=at, sms=Reason.NOT_FETCHED, ask=ask, ends=False)


def _due(text: Text, what: Awaited, when: When, *, at: float, sms: Reason, ask: Reason, ends: bool = True) -> Plan:
    fits = fits_sms(text.text)
    ask = Reason.ASK_DOUBT if text.doubt else ask
    last = Plan(what=what, at=text.at + GIVE_UP_S, then=Then.FAIL, why=Reason.GAVE_UP) if ends else Plan(what=what)
    if when is When.AFTER and fits and not text.doubt:
        return Plan(what=what, at=at, then=Then.SMS, why=sms)
    if when is When.NEVER or not fits:
        return last
    if text.reason in _ASKED:
        return Plan(what=Awaited.OWNER, at=last.at, then=last.then, why=last.why)
    return Plan(what=what, at=at, then=Then.ASK, why=ask)
