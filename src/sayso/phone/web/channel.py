"""By which channel the next text of a conversation will go, as far as the phone can tell by itself. Pure."""

from enum import StrEnum

from sayso.phone.core.lines import LineState
from sayso.phone.core.peers import InCloud, Peer
from sayso.phone.core.route import Sms, Wait, without_cloud


class Expected(StrEnum):
    """What the composer says before the first key is pressed."""

    CLOUD = "cloud"
    EITHER = "either"
    """By cloud if the other side said yes too, else by SMS: the first text asks."""
    SMS = "sms"
    ASKS = "asks"
    """It will wait, and ask: the other side was in the cloud, and this line, or theirs, is not."""


def expected(state: LineState, *, cloud_number: bool, own_number: bool, peer: Peer | None, likely: bool) -> Expected:
    """Tell the channel of the next text.

    Args:
        state: of the line.
        cloud_number: whether cloud messaging can reach the number at all.
        own_number: whether it is the line's own.
        peer: what the line knows of the number.
        likely: whether the number stands in the enrolled set.
    """
    match without_cloud(state, cloud_number=cloud_number, own_number=own_number, peer=peer):
        case Sms():
            return Expected.SMS
        case Wait():
            return Expected.ASKS
        case _:
            pass
    if peer is not None and peer.in_cloud is InCloud.YES:
        return Expected.CLOUD
    if peer is not None and peer.in_cloud is InCloud.NO and not likely:
        return Expected.ASKS if peer.ever_in_cloud else Expected.SMS
    return Expected.CLOUD if likely else Expected.EITHER
