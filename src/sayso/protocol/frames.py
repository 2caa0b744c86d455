"""The frames of the stream: MessagePack arrays, first element the type (docs/protocol.md, "Stream").

Unknown elements are refused, lengths are bounded here, so that nothing behind the decoder checks a size again.
"""

from enum import IntEnum
from typing import Annotated

from msgspec import Meta, Struct

from sayso.protocol.ids import Bytes16, Bytes32, Bytes33, Bytes64, outline
from sayso.protocol.limits import LIMITS

Ref = Annotated[int, Meta(ge=1, le=2**53 - 1)]
"""The sender's own number for a request on this connection; the answer repeats it."""
Envelope = Annotated[bytes, Meta(min_length=1, max_length=LIMITS.envelope_bytes)]
Short = Annotated[str, Meta(max_length=200)]


class DepositState(IntEnum):
    """What a deposit came to."""

    ACCEPTED = 1
    """In custody: durable, or acknowledged by the device already (a stranger is not told which)."""
    DELIVERED = 2
    """Every device acknowledged. Only senders with the grant hear this."""


class OutcomeState(IntEnum):
    """What became of an envelope, as its sender may know it."""

    WAITING = 1
    """In custody."""
    DELIVERED = 2
    RECALLED = 3
    IN_DOUBT = 4
    """It left towards the device; only the device knows. Ask again later."""
    EXPIRED = 5
    """Its time was over before it left the relay."""
    GONE = 6
    """The recipient left, lapsed or was replaced before it left the relay."""
    UNREADABLE = 7
    """The device got it and could not open it."""
    UNKNOWN = 8
    """The server has no record of this handle."""
    TOO_EARLY = 9
    """A sender without the grant may not recall yet."""


class Unreadable(IntEnum):
    """Why a device could not use an envelope; `SHOWN` is the ordinary acknowledgement."""

    SHOWN = 0
    ENVELOPE_KEY = 1
    """The envelope key is destroyed or unknown."""
    RATCHET = 2
    """No session opens it."""
    CERTIFICATE = 3
    """The sender's certificate does not prove the number."""
    MALFORMED = 4


class Refusal(IntEnum):
    """Why a deposit was not taken. The sender keeps its message queued."""

    MAILBOX_FULL = 1
    NO_SPACE = 2
    """The server cannot write to its disk."""
    TTL = 3
    NOT_ENROLLED = 4
    """Nobody is enrolled under this token (or it looks so)."""
    TOO_MANY = 5
    """More is under way on this connection than the server takes."""
    HANDLE_USED = 6
    """This handle already names another envelope."""
    STOPPING = 7


class ErrorCode(IntEnum):
    """Why the other side could not use a frame. All but `UNKNOWN_FRAME` end the connection."""

    UNKNOWN_FRAME = 1
    MALFORMED = 2
    VERSION = 3
    NOT_LOGGED_IN = 4
    BAD_LOGIN = 5
    UNEXPECTED = 6


class ByeReason(IntEnum):
    """Why the server closes a stream on purpose."""

    STOPPING = 1
    REPLACED = 2
    """The same device connected again."""
    WITHDRAWN = 3
    """The enrolment ended."""
    SLOW = 4
    """The client did not read."""


class Frame(Struct, array_like=True, forbid_unknown_fields=True, frozen=True, gc=False):
    """Base of all frames."""

    def __repr__(self) -> str:
        return outline(self)


class Part(Struct, array_like=True, forbid_unknown_fields=True, frozen=True, gc=False):
    """One device's share of a deposit."""

    device: Bytes16
    envelope_key: Annotated[int, Meta(ge=0, le=2**32 - 1)]
    """Id of the key that the envelope is sealed to."""
    handle_hash: Bytes32
    envelope: Envelope

    def __repr__(self) -> str:
        return outline(self)


class Hello(Frame, frozen=True, tag=1):
    """First frame of both sides. The server's carries a nonce of 32 bytes to sign, the client's an empty one."""

    version: Annotated[int, Meta(ge=1, le=65535)]
    features: Annotated[tuple[Annotated[str, Meta(max_length=32)], ...], Meta(max_length=16)]
    nonce: Annotated[bytes, Meta(max_length=32)]


class Login(Frame, frozen=True, tag=2):
    """The device's signature (purpose `login`, body empty) over the server's nonce."""

    device: Bytes16
    signature: Bytes64


class Ready(Frame, frozen=True, tag=3):
    """Logged in; the lease is renewed to this many seconds. The catch-up follows."""

    lease_s: int
    one_time_keys: int
    """How many one-time keys the server has left for this device."""


class Deposit(Frame, frozen=True, tag=4):
    """An envelope for each device of the line behind `token`."""

    ref: Ref
    token: Bytes33
    ttl_s: int
    grant: Annotated[bytes, Meta(max_length=32)]
    """The recipient's grant, or empty."""
    parts: Annotated[list[Part], Meta(min_length=1, max_length=LIMITS.devices_per_line)]
    again: bool
    """A retry on another connection: the device may have had it, so a recall has to ask the device."""


class Deposited(Frame, frozen=True, tag=5):
    """Answer to a deposit: every part is in custody, or delivered."""

    ref: Ref
    state: DepositState


class WrongDevices(Frame, frozen=True, tag=6):
    """Answer to a deposit whose device list is not the line's; nothing was stored."""

    ref: Ref
    missing: list[Bytes16]
    extra: list[Bytes16]
    stale: list[Bytes16]
    """Right device, but the envelope is sealed to a key that is no longer served."""


class Refused(Frame, frozen=True, tag=7):
    """Answer to a deposit that was not taken; nothing was stored."""

    ref: Ref
    reason: Refusal


class Deliver(Frame, frozen=True, tag=8):
    """An envelope for this device."""

    envelope_id: Bytes16
    envelope: Envelope


class Ack(Frame, frozen=True, tag=9):
    """The device has stored the envelope's content durably, or says why it cannot use it."""

    envelope_id: Bytes16
    code: Unreadable


class CaughtUp(Frame, frozen=True, tag=10):
    """All that had waited has been sent; what follows is live."""


class Recall(Frame, frozen=True, tag=11):
    """Take an envelope back."""

    ref: Ref
    handle: Bytes32


class Ask(Frame, frozen=True, tag=12):
    """Ask for an envelope's outcome."""

    ref: Ref
    handle: Bytes32


class Outcome(Frame, frozen=True, tag=13):
    """Answer to `Recall` and `Ask`, or (ref 0) news for a sender with the grant."""

    ref: Annotated[int, Meta(ge=0, le=2**53 - 1)]
    handle_hash: Bytes32
    state: OutcomeState


class Withdraw(Frame, frozen=True, tag=14):
    """The sender recalled this envelope, or its time is over: has the device seen it?"""

    envelope_id: Bytes16


class Withdrawn(Frame, frozen=True, tag=15):
    """The device had it already, or has durably noted never to show it."""

    envelope_id: Bytes16
    had_it: bool


class Collect(Frame, frozen=True, tag=16):
    """The sender knows the outcome; the server may forget it. No answer."""

    handle: Bytes32


class Error(Frame, frozen=True, tag=17):
    """A frame could not be used; `frame` is its type where it could be read, else 0."""

    code: ErrorCode
    frame: int
    detail: Short


class Bye(Frame, frozen=True, tag=18):
    """The server is about to close the stream."""

    reason: ByeReason


class LockNotice(Frame, frozen=True, tag=19):
    """Another device has confirmed the code of this line's number, and waits: for so long yet. 0: no more."""

    wait_s: Annotated[int, Meta(ge=0)]


ClientFrame = Hello | Login | Deposit | Ack | Recall | Ask | Withdrawn | Collect | Error
"""What a server reads."""
ServerFrame = (
    Hello
    | Ready
    | Deposited
    | WrongDevices
    | Refused
    | Deliver
    | CaughtUp
    | Outcome
    | Withdraw
    | Error
    | Bye
    | LockNotice
)
"""What a phone reads."""
