"""By which channel a text goes, or why it waits (design.md §5.4)."""

from dataclasses import dataclass

from sayso.phone.core.fallback import Policy, When
from sayso.phone.core.lines import LineState
from sayso.phone.core.outgoing import Reason
from sayso.phone.core.peers import InCloud, Peer


@dataclass(frozen=True, slots=True)
class Cloud:
    """Seal it to the peer's device."""


@dataclass(frozen=True, slots=True)
class Sms:
    """Send it by SMS at once, and say so."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Claim:
    """Ask the server for the peer's keys first."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Keep it queued."""

    reason: Reason


Route = Cloud | Sms | Claim | Wait


def without_cloud(
    state: LineState, *, cloud_number: bool, own_number: bool, peer: Peer | None, policy: Policy
) -> Route | None:
    """Decide what can be decided without the server; None if the server has to be asked.

    Args:
        state: of the line.
        cloud_number: whether the recipient is a number that cloud messaging can reach at all.
        own_number: whether it is the line's own number: a ratchet with oneself is none.
        peer: what the line knows of the recipient.
        policy: the owner's for this conversation.
    """
    if not cloud_number or own_number:
        return Sms(Reason.NO_CLOUD_NUMBER)
    if state in {LineState.ON, LineState.PAUSED}:
        return None
    if peer is not None and peer.ever_in_cloud:
        # Switching cloud messaging off is no consent to send in clear what was encrypted until now.
        return _by_policy(policy, Reason.LINE_OFF)
    return Sms(Reason.LINE_OFF)


def with_keys(peer: Peer, *, now: float, session_ready: bool) -> Route:
    """Decide for a line that is on, from what is stored.

    Args:
        peer: the recipient.
        now: Unix seconds.
        session_ready: whether there is an Olm session to send on.
    """
    if peer.in_cloud is InCloud.YES and peer.can_be_sealed_to(now) and (session_ready or peer.ratchet_key is not None):
        return Cloud()
    return Claim()


def after_claim(peer: Peer, policy: Policy) -> Route:
    """Decide after a claim said that nobody is enrolled there (or that it looks so)."""
    return _by_policy(policy, Reason.LEFT_CLOUD) if peer.ever_in_cloud else Sms(Reason.NOT_IN_CLOUD)


def without_connection(peer: Peer | None) -> Route:
    """Decide while the server cannot be reached.

    Only a number that the server has said is not in the cloud, and that never was, goes by SMS; anything else waits.
    """
    if peer is not None and peer.in_cloud is InCloud.NO and not peer.ever_in_cloud:
        return Sms(Reason.NOT_IN_CLOUD)
    return Wait(Reason.NO_CONNECTION)


def _by_policy(policy: Policy, reason: Reason) -> Route:
    """Decide for a peer that was in the cloud: to leave it is a fallback, which a lying server can feign as well."""
    match policy.undelivered:
        case When.AFTER:
            return Sms(reason)
        case When.ASK:
            return Wait(Reason.ASK)
        case When.NEVER:
            return Wait(Reason.NEVER_SMS)
