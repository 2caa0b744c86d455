"""The protocol between a phone and a modem of the simulated carrier; pure.

A frame is a big-endian u32 length and that many bytes of MessagePack: an array of the frame's tag and its fields, in
order. One phone holds a modem at a time. The state lies at the modem (storage, sent references), so a connection may
end at any byte: whoever attaches again is told everything anew. docs/reference/modem-protocol.md is the chapter.

    phone                                   modem
      Attach(version)              ->
                                   <-         SimState, Coverage, SmsReceived (each stored one)
      SendSms(ref, ...)            ->
                                   <-         SmsAccepted(ref) | SmsRejected(ref, reason) | SentStatus(ref, state)
                                   <-         SmsReport(ref, delivered), when a delivery report was asked for
      AskSent(ref)                 ->
                                   <-         SentStatus(ref, state)
      ListSms()                    ->
                                   <-         SmsReceived (each stored one)
      DeleteSms(index)             ->         (no answer; a second time changes nothing)

One family of errors: ModemProtocolError, a ProtocolError.
"""

import struct
from typing import Annotated, Final, Generic, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Meta

from sayso.protocol.errors import ProtocolError

MODEM_PROTOCOL_VERSION: Final = 1
"""The version that `Attach` carries; a modem answers any other with ModemError("version") and hangs up."""

MAX_FRAME_BYTES: Final = 256 * 1024
"""Longest MessagePack body of a frame; a longer length prefix is refused before its body is read."""

MAX_TEXT_CHARS: Final = 39_015
"""Longest SMS text in characters: 255 parts of 153 septets (3GPP TS 23.040 §9.2.3.24.1, TS 23.038 §6.1)."""

MAX_PARTS: Final = 255
"""Most parts of one concatenated SMS (3GPP TS 23.040 §9.2.3.24.1: the count is one octet)."""

_LENGTH: Final = struct.Struct(">I")

Ref: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""The phone's own random name for one outgoing SMS; never used for a second one."""

Index: TypeAlias = Annotated[int, Meta(ge=1, le=2**53)]
"""A stored SMS's place; the carrier gives each out once, so a late DeleteSms cannot hit another message."""

Address: TypeAlias = Annotated[str, Meta(min_length=1, max_length=32)]
"""A number in E.164 with its `+`, a short code, or (senders only) an alphanumeric name."""

Text: TypeAlias = Annotated[str, Meta(max_length=MAX_TEXT_CHARS)]

SentState: TypeAlias = Literal["unknown", "pending", "sent", "delivered", "failed", "unreadable"]
"""What a modem knows of a reference.

`unknown`: this SIM never took it, it may be sent; `pending`: the modem has it, the network not yet; `sent`: the network
has it; `delivered`: the recipient's SIM has it; `failed`: the network gave it up (validity over, nobody has it);
`unreadable`: there is no SIM now, or a locked one, so nobody can say: ask again when SimState tells of the line's SIM.
"""

RejectReason: TypeAlias = Literal["no-sim", "sim-locked", "no-coverage", "bad-number", "bad-text", "queue-full"]
"""Why a modem did not take an SMS. It notes nothing, so the same reference may be tried again."""

ErrorCode: TypeAlias = Literal["version", "not-attached", "replaced", "bad-frame", "removed", "stopping"]
"""Why a modem hangs up, said in the last frame before it does."""


class ModemProtocolError(ProtocolError):
    """What arrived is no frame of the modem protocol, or what should be sent would be none; hang up."""


class _Frame(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Base of all frames: an array, tag first, no field more and none less."""


# ---- phone to modem ----


class Attach(_Frame, frozen=True, tag="attach"):
    """First frame of a connection; a phone that held the modem before is hung up with ModemError("replaced")."""

    version: Annotated[int, Meta(ge=0, le=65_535)]


class SendSms(_Frame, frozen=True, tag="send"):
    """Send an SMS. A reference that this SIM has already taken is not sent again but answered with SentStatus."""

    ref: Ref
    to: Address
    text: Text
    delivery_report: bool

    def __repr__(self) -> str:
        """Neither number nor text: this ends up in tracebacks."""
        return f"SendSms(ref={self.ref}, to=…, text=… {len(self.text)} chars)"


class ListSms(_Frame, frozen=True, tag="list"):
    """Announce every stored SMS again, oldest first."""


class DeleteSms(_Frame, frozen=True, tag="delete"):
    """Free a stored SMS; the phone sends it after it has made the SMS durable. Unknown indexes are ignored."""

    index: Index


class AskSent(_Frame, frozen=True, tag="ask"):
    """Ask what became of a reference; how a phone settles a crash between sending and noting it."""

    ref: Ref


# ---- modem to phone ----


class SimState(_Frame, frozen=True, tag="sim"):
    """What the modem and its SIM say of themselves; pushed at attach and on every change.

    Without a SIM `present` is false, `imsi`, `iccid` and `operator` are empty, `number` is None. A locked SIM
    tells its ICCID only. Many real SIMs do not know their number: None.
    """

    present: bool
    locked: bool
    imsi: Annotated[str, Meta(max_length=15)]
    iccid: Annotated[str, Meta(max_length=20)]
    number: Annotated[str, Meta(min_length=1, max_length=32)] | None
    imei: Annotated[str, Meta(max_length=17)]
    operator: Annotated[str, Meta(max_length=64)]

    def __repr__(self) -> str:
        """No identifier of person or hardware: this ends up in tracebacks."""
        return f"SimState(present={self.present}, locked={self.locked})"


class Coverage(_Frame, frozen=True, tag="coverage"):
    """Whether the modem is registered with the network; pushed at attach and on every change."""

    registered: bool


class SmsReceived(_Frame, frozen=True, tag="received"):
    """An SMS in the SIM's storage, put together from `parts` parts; stays there until DeleteSms.

    Announced when it arrives, at each attach and on ListSms, so the same index may come more than once.
    `sent_at` is the network's time stamp, Unix time in seconds (the SMS one has no finer unit).
    """

    index: Index
    sender: Address
    text: Text
    sent_at: Annotated[int, Meta(ge=0, le=2**40)]
    parts: Annotated[int, Meta(ge=1, le=MAX_PARTS)]

    def __repr__(self) -> str:
        """Neither number nor text: this ends up in tracebacks."""
        return f"SmsReceived(index={self.index}, sender=…, text=… {len(self.text)} chars, parts={self.parts})"


class SmsAccepted(_Frame, frozen=True, tag="accepted"):
    """The network has the SMS, durably; sent once it does, which may be later than the SendSms by seconds."""

    ref: Ref


class SmsRejected(_Frame, frozen=True, tag="rejected"):
    """This SendSms was not taken: it sent nothing and will send nothing.

    Of an earlier SendSms with the same reference it says nothing where the reason is the SIM: AskSent does.
    """

    ref: Ref
    reason: RejectReason


class SmsReport(_Frame, frozen=True, tag="report"):
    """The delivery report: the recipient's SIM has the SMS, or the network gave it up.

    Comes only where it was asked for; one that nobody was there to hear comes at the next attach.
    """

    ref: Ref
    delivered: bool


class SentStatus(_Frame, frozen=True, tag="status"):
    """Answer to AskSent, and to a SendSms whose reference this SIM has already taken."""

    ref: Ref
    state: SentState


class ModemError(_Frame, frozen=True, tag="error"):
    """Last frame before the modem hangs up; `detail` is a sentence for people."""

    code: ErrorCode
    detail: Annotated[str, Meta(max_length=200)]


PhoneFrame: TypeAlias = Attach | SendSms | ListSms | DeleteSms | AskSent
"""What a phone sends and a modem reads."""

ModemFrame: TypeAlias = (
    SimState | Coverage | SmsReceived | SmsAccepted | SmsRejected | SmsReport | SentStatus | ModemError
)
"""What a modem sends and a phone reads."""

F = TypeVar("F")

_phone_frames: Final = msgspec.msgpack.Decoder[PhoneFrame](PhoneFrame)
_modem_frames: Final = msgspec.msgpack.Decoder[ModemFrame](ModemFrame)
_either: Final = msgspec.msgpack.Decoder[PhoneFrame | ModemFrame](PhoneFrame | ModemFrame)
_encoder: Final = msgspec.msgpack.Encoder()


class ModemFramer(Generic[F]):
    """Cuts a byte stream into frames; one per connection and direction.

    After the first ModemProtocolError the stream is lost: every later call raises it again. Frames of the same read
    that stood before the fault go with it, which costs nothing: the modem's state tells them anew after Attach.
    """

    def __init__(self, decoder: "msgspec.msgpack.Decoder[F]") -> None:
        self._decoder = decoder
        self._buffer = bytearray()
        self._fault: str | None = None

    def feed(self, data: bytes) -> list[F]:
        """Take what was read, of any size, and return the frames that are now whole.

        Args:
            data: The next bytes of the stream; may end anywhere within a frame.

        Returns:
            The frames in their order; empty while one is unfinished.

        Raises:
            ModemProtocolError: A length of zero or above MAX_FRAME_BYTES, or a body that is no frame.
        """
        if self._fault is not None:
            raise ModemProtocolError(self._fault)
        self._buffer += data
        frames: list[F] = []
        start = 0
        try:
            while len(self._buffer) - start >= _LENGTH.size:
                (length,) = _LENGTH.unpack_from(self._buffer, start)
                if not 0 < length <= MAX_FRAME_BYTES:
                    raise self._lost(f"a frame of {length} bytes; allowed are 1 to {MAX_FRAME_BYTES}")
                end = start + _LENGTH.size + length
                if len(self._buffer) < end:
                    break
                frames.append(self._decode(bytes(self._buffer[start + _LENGTH.size : end])))
                start = end
        finally:
            del self._buffer[:start]
        return frames

    def end(self) -> None:
        """Say that the stream has ended.

        Raises:
            ModemProtocolError: It ended within a frame.
        """
        if self._fault is not None:
            raise ModemProtocolError(self._fault)
        if self._buffer:
            raise self._lost("the connection ended within a frame")

    def _decode(self, body: bytes) -> F:
        try:
            return self._decoder.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            # Not the library's sentence: for a Literal field it quotes what arrived.
            raise self._lost("a body that is no frame of the modem protocol") from None

    def _lost(self, why: str) -> ModemProtocolError:
        self._fault = why
        self._buffer.clear()
        return ModemProtocolError(why)


def modem_side_framer() -> ModemFramer[PhoneFrame]:
    """Return the framer with which a modem reads a phone."""
    return ModemFramer(_phone_frames)


def phone_side_framer() -> ModemFramer[ModemFrame]:
    """Return the framer with which a phone reads a modem."""
    return ModemFramer(_modem_frames)


def encode(frame: PhoneFrame | ModemFrame) -> bytes:
    """Return a frame's bytes, length first, after checking that the other side will take it.

    Raises:
        ModemProtocolError: A field is out of its bounds, or a text is no valid Unicode (lone surrogate).
    """
    try:
        body = _encoder.encode(frame)
        _either.decode(body)
    except (msgspec.MsgspecError, UnicodeError, OverflowError):
        raise ModemProtocolError(f"a {type(frame).__name__} with a field out of its bounds cannot be sent") from None
    return _LENGTH.pack(len(body)) + body
