"""By which channel the next text of a conversation goes, in the few words of the composer. Pure."""

from enum import StrEnum

from sayso.phone.command_types import NextRoute
from sayso.phone.core.outgoing import Reason


class Expected(StrEnum):
    """What the composer says before the first key is pressed."""

    CLOUD = "cloud"
    WAITS = "waits"
    """By cloud, as soon as there is a connection."""
    EITHER = "either"
    """By cloud if the other side said yes too, else by SMS: the first text asks."""
    SMS = "sms"
    ASKS = "asks"
    """It will wait, and ask: the other side was in the cloud, and this line, or theirs, is not."""


def expected(route: NextRoute | None, *, likely: bool) -> Expected:
    """Tell what to say.

    Args:
        route: what the phone says of the next text; None where nobody can be written to.
        likely: whether the number stands in the enrolled set, where the first text would ask.
    """
    if route is None or route.channel == "sms":
        return Expected.SMS
    if not route.goes_now:
        return Expected.WAITS if route.reason == Reason.NO_CONNECTION else Expected.ASKS
    return Expected.CLOUD if route.certain or likely else Expected.EITHER
