"""WebSocket messages of the stream, read as a server and as a phone reads them: only FrameError."""

import contextlib

from sayso.protocol.errors import FrameError
from sayso.protocol.stream import client_frames, server_frames
from tests.fuzz.vectors import vectors


def fuzz_one(data: bytes) -> None:
    with contextlib.suppress(FrameError):
        client_frames.read(data)
    with contextlib.suppress(FrameError):
        server_frames.read(data)


def seeds() -> list[bytes]:
    stored = vectors("frames")
    entries = [*stored["from_client"], *stored["from_server"], stored["several"], stored["unknown_then_ack"]]
    found = [
        b"\x91\x94\x01\x01\x91\xa1\xff\xc4\x00",  # a feature that is no UTF-8
        b"\x91\x92\x63\x81\x80\x01",  # an unknown frame with a map as a key
        b"\x91\x92\x63\xd6\xff\xff\xff\xff\xff",  # an unknown frame with a time stamp
        b"\xdd\xff\xff\xff\xff",  # an array that claims four billion frames
        b"\x91" * 2000,
    ]
    return [bytes.fromhex(entry["message"]) for entry in entries] + found
