"""Words that commands and answers share, and what all of them are."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from sayso.protocol.limits import LIMITS

LineName = Annotated[str, Meta(min_length=1, max_length=64)]
NumberText = Annotated[str, Meta(min_length=1, max_length=64)]
"""A number as people write it; short codes and alphanumeric senders only where SMS are meant."""
PinText = Annotated[str, Meta(pattern=r"^[0-9]{4,20}\Z")]
TextBody = Annotated[str, Meta(min_length=1, max_length=LIMITS.body_bytes)]
Findable = Literal["everyone", "nobody"]
"""Who may find the line: everyone who has the number, or nobody until it writes first."""

MessageId = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
"""As `Message.id` has it."""
WhenToSms = Literal["never", "ask", "after"]
"""When a text that does not arrive by cloud goes by SMS, unencrypted: never; when its owner says so; after a while."""
Minutes = Annotated[int, Meta(ge=1, le=LIMITS.ttl_max_s // 60)]

MESSAGES_AT_ONCE: Final = 1000
CONNECTIONS_AT_ONCE: Final = 100_000


class Quiet(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all: shows nothing of itself, since numbers, codes and texts would end up in tracebacks."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class Fallback(Quiet, frozen=True, kw_only=True):
    """What becomes of texts that do not arrive by cloud (design.md §5.4). It is asked, at first, in both cases."""

    undelivered: WhenToSms = "ask"
    """The recipient's phone does not get it: it is off, or its number has left the cloud."""
    undelivered_after_min: Minutes = 10
    """Minutes from writing: with `after` until the SMS, with `ask` until the question."""
    unreachable: WhenToSms = "ask"
    """The server cannot be reached."""
    unreachable_after_min: Minutes = 10
