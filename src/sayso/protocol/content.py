"""What is inside an envelope once seal and ratchet are open (design.md §5.3).

MessagePack arrays. `Content` is the same for every kind; `body` is the kind's own struct, encoded by itself, so that a
kind this version does not know can still be kept and shown as "sent with a newer Sayso".
"""

from enum import IntEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from sayso.protocol.errors import ContentError
from sayso.protocol.ids import Bytes16, Bytes32, Bytes33, outline
from sayso.protocol.limits import KIB, LIMITS

VERSION: Final = 1
_Millis = Annotated[int, Meta(ge=0, le=2**53 - 1)]
_MAX_BYTES: Final = 56 * KIB


class Kind(IntEnum):
    """Kinds that this version knows."""

    TEXT = 1
    DELIVERED = 2
    READ = 3
    SMS_NOTICE = 4


class Party(Struct, array_like=True, forbid_unknown_fields=True, frozen=True):
    """One side of a conversation, as the sender knows it. Both stand in each message, so neither can be swapped."""

    number: Annotated[str, Meta(max_length=16)]
    token: Bytes33
    device: Bytes16
    ed25519: Bytes32
    curve25519: Bytes32

    def __repr__(self) -> str:
        return outline(self)


class Content(Struct, array_like=True, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The inside of an envelope."""

    version: Annotated[int, Meta(ge=1, le=255)]
    kind: Annotated[int, Meta(ge=0, le=65535)]
    message_id: Bytes16
    sender: Party
    recipient: Party
    counter: Annotated[int, Meta(ge=0, le=2**53 - 1)]
    """Counts this sender's contents in this conversation, from 1."""
    sent_at_ms: _Millis
    """Unix time in milliseconds by the sender's clock: for show, and to measure the certificate."""
    statement_digest: Bytes32
    """Which statement the sender's phone was shown; another one than ours is a warning."""
    salt: Bytes32
    """Opens the commitment in the sender's certificate."""
    grant: Annotated[bytes, Meta(max_length=32)]
    """The sender's grant if it gives it to the recipient, else empty."""
    body: Annotated[bytes, Meta(max_length=_MAX_BYTES)]

    def __repr__(self) -> str:
        return outline(self)


class Text(Struct, array_like=True, forbid_unknown_fields=True, frozen=True):
    """A text: at most 48 KiB of UTF-8."""

    text: str

    def __repr__(self) -> str:
        return outline(self)


class Receipt(Struct, array_like=True, forbid_unknown_fields=True, frozen=True):
    """Messages that were delivered (kind `DELIVERED`) or read (`READ`)."""

    message_ids: Annotated[list[Bytes16], Meta(min_length=1, max_length=LIMITS.unacknowledged_envelopes)]


class SmsNotice(Struct, array_like=True, forbid_unknown_fields=True, frozen=True):
    """The message that this content's `message_id` of old named went, or will go, by SMS."""

    message_id: Bytes16
    sha256: Bytes32
    """Of the SMS text as encoded."""
    parts: Annotated[int, Meta(ge=1, le=255)]


Body = Text | Receipt | SmsNotice
_STRUCTS: Final[dict[int, type[Text | Receipt | SmsNotice]]] = {
    Kind.TEXT: Text,
    Kind.DELIVERED: Receipt,
    Kind.READ: Receipt,
    Kind.SMS_NOTICE: SmsNotice,
}


def encode_body(body: Body) -> bytes:
    """Encode a body.

    Raises:
        ContentError: a text that is longer than 48 KiB of UTF-8, or that is no Unicode text.
    """
    try:
        if isinstance(body, Text) and len(body.text.encode()) > LIMITS.body_bytes:
            raise ContentError("a cloud message has at most 48 KiB of text")
        return msgspec.msgpack.encode(body)
    except UnicodeEncodeError:
        # Not chained: that error carries the text.
        raise ContentError("the text is not valid Unicode") from None


def decode_body(content: Content) -> Body | None:
    """Decode the body of a content; None for a kind or version that this version does not know.

    Raises:
        ContentError: the body is not what its kind says.
    """
    struct = _STRUCTS.get(content.kind)
    if struct is None or content.version != VERSION:
        return None
    try:
        body = msgspec.msgpack.decode(content.body, type=struct)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        # Not chained: a UnicodeDecodeError carries the text.
        raise ContentError("the body does not fit its kind") from None
    if isinstance(body, Text) and len(body.text.encode()) > LIMITS.body_bytes:
        raise ContentError("a cloud message has at most 48 KiB of text")
    return body


def encode_content(content: Content) -> bytes:
    """Encode a content for the ratchet."""
    return msgspec.msgpack.encode(content)


def decode_content(data: bytes) -> Content:
    """Decode what the ratchet gave.

    Raises:
        ContentError: not a content.
    """
    try:
        return msgspec.msgpack.decode(data, type=Content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise ContentError("the inside of the envelope is malformed") from None
