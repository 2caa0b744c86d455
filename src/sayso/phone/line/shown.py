"""Fallback, waiting and the next text's way, in the owner's words."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sayso.phone import command_types as ask
from sayso.phone.core.fallback import Awaited, Plan, Policy, When
from sayso.phone.core.outgoing import MAY_DOUBLE, MAY_GO_BY_SMS, UNDER_WAY, Reason, State, Wish
from sayso.phone.core.route import Claim, Cloud, Route, Sms, Wait
from sayso.phone.core.texts import SENTENCES, Text
from sayso.protocol.limits import MINUTE

_CLOUD: Final = "by cloud, encrypted"
_FIRST: Final = "by cloud, encrypted, if the number is in the cloud: the first text asks"
_SMS: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.LINE_OFF: "by SMS: cloud messaging is off for this line",
        Reason.NOT_IN_CLOUD: "by SMS: this number is not in the cloud",
        Reason.NO_CLOUD_NUMBER: "by SMS: this is no number that cloud messaging can reach",
        Reason.LEFT_CLOUD: "by SMS: this number has left the cloud",
    }
)
_WAITS: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.ASK: "this number has left the cloud, or this line is off: you are asked before it goes by SMS",
        Reason.NEVER_SMS: "this number has left the cloud, and you chose that nothing goes by SMS: it waits",
        Reason.NO_CONNECTION: "by cloud, encrypted, as soon as there is a connection to the server",
    }
)


def policy_of(given: ask.Fallback) -> Policy:
    """Read a policy as its owner gave it."""
    return Policy(
        undelivered=When(given.undelivered),
        undelivered_after_s=float(given.undelivered_after_min * MINUTE),
        unreachable=When(given.unreachable),
        unreachable_after_s=float(given.unreachable_after_min * MINUTE),
    )


def shown_policy(policy: Policy) -> ask.Fallback:
    """Show a policy."""
    return ask.Fallback(
        undelivered=policy.undelivered.value,
        undelivered_after_min=round(policy.undelivered_after_s / MINUTE),
        unreachable=policy.unreachable.value,
        unreachable_after_min=round(policy.unreachable_after_s / MINUTE),
    )


def shown_waiting(text: Text, plan: Plan | None) -> ask.Waiting | None:
    """Show what a text waits for, and what its owner can do."""
    if plan is None:
        return None
    return ask.Waiting(
        what=plan.what.value,
        until=plan.at,
        then=None if plan.then is None else plan.then.value,
        choices=_choices(text, plan),
    )


def shown_route(number: str, line: str, route: Route) -> ask.NextRoute:
    """Show the way of a next text."""
    match route:
        case Sms(reason=reason):
            return _next(number, line, "sms", reason, _SMS.get(reason, SENTENCES[reason]))
        case Wait(reason=reason):
            return _next(number, line, "cloud", reason, _WAITS.get(reason, SENTENCES[reason]), goes_now=False)
        case Claim():
            return _next(number, line, "cloud", None, _FIRST, certain=False)
        case Cloud():
            return _next(number, line, "cloud", None, _CLOUD)


def _next(
    number: str,
    line: str,
    channel: str,
    reason: Reason | None,
    sentence: str,
    *,
    certain: bool = True,
    goes_now: bool = True,
) -> ask.NextRoute:
    return ask.NextRoute(
        number=number,
        line=line,
        channel="sms" if channel == "sms" else "cloud",
        certain=certain,
        goes_now=goes_now,
        reason=None if reason is None else reason.value,
        sentence=sentence,
    )


def _choices(text: Text, plan: Plan) -> list[ask.Choice]:
    if plan.what is Awaited.MODEM:
        return []
    choices: list[ask.Choice] = []
    if (text.state in MAY_GO_BY_SMS and not text.doubt) or (text.state in UNDER_WAY and text.wish != Wish.OWNER):
        choices.append("send-as-sms")
    if text.state in MAY_DOUBLE or text.doubt:
        choices.append("send-as-sms-in-doubt")
    if text.state == State.QUEUED or (text.state in UNDER_WAY and text.wish != Wish.CANCEL):
        choices.append("cancel")
    return choices
