"""WebSocket frames of a server, as the phone's stream takes them: frames, or a StreamClosedError; nothing else.

The first byte of an input says what kind of WebSocket frame it is, the rest is its payload.
"""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, Final

from picows import WSMsgType
from picows.picows import _make_test_ws_frame

from sayso.phone.adapters.stream_inbox import StreamInbox
from sayso.phone.errors import StreamClosedError
from sayso.protocol.frames import Bye, Frame
from sayso.protocol.stream import UnknownFrame
from tests.fuzz.fuzz_frames import seeds as messages

_KINDS: Final = [WSMsgType.BINARY, *WSMsgType]
_FIN, _RSV1 = 0x80, 0x40


class _Transport:
    """Takes what the inbox says, and is gone already, so that no timer starts."""

    is_disconnected = True
    underlying_transport = SimpleNamespace(is_closing=lambda: True, resume_reading=lambda: None)

    def send(self, kind: WSMsgType, message: bytes) -> None:
        assert kind == WSMsgType.BINARY
        assert message

    def send_close(self, code: object) -> None:
        assert code is not None

    def disconnect(self) -> None:
        pass


def fuzz_one(data: bytes) -> None:
    """Give one frame to a fresh inbox, and take what came of it."""
    head, payload = data[0] if data else 0, data[1:]
    inbox = StreamInbox(SimpleNamespace(finish=lambda: None), close_s=0.0)  # type: ignore[arg-type]  # all it needs
    transport: Any = _Transport()
    kind = _KINDS[(head & 0x3F) % len(_KINDS)]
    inbox.on_ws_frame(transport, _make_test_ws_frame(kind, payload, bool(head & _FIN), bool(head & _RSV1)))
    if inbox._frames or inbox._end:
        for frame in _take(inbox):
            assert isinstance(frame, Frame | UnknownFrame)
            assert not isinstance(frame, Bye)
    inbox.on_ws_disconnected(transport)
    _take(inbox)


def _take(inbox: StreamInbox) -> Sequence[object]:
    taking = inbox.take()
    try:
        taking.send(None)
    except StopIteration as done:
        frames: Sequence[object] = done.value
        return frames
    except StreamClosedError:
        return ()
    raise AssertionError("it waits, though there is something to say")


def seeds() -> list[bytes]:
    heads = [bytes([_FIN]), bytes([_FIN | _RSV1]), b"\0", *(bytes([_FIN | kind]) for kind in range(1, len(_KINDS)))]
    return [_head + message for message in messages() for _head in heads[:1]] + [
        *(head + b"\x91\x91\x0a" for head in heads),
        bytes([_FIN]) + b"\x92\x92\x12\x01\x91\x0a",
    ]
