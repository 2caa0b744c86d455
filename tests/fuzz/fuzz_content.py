"""Contents and their bodies: only ContentError."""

import contextlib

import msgspec

from sayso.protocol.content import Kind, decode_body, decode_content
from sayso.protocol.errors import ContentError
from scripts.vector_frames import example_content
from tests.fuzz.vectors import vectors

_KINDS = [example_content(kind, b"") for kind in (*Kind, 500)]


def fuzz_one(data: bytes) -> None:
    with contextlib.suppress(ContentError):
        decode_body(decode_content(data))
    # The same bytes as the body of a whole content, so that damage reaches the inner decoder too.
    for content in _KINDS:
        msgspec.structs.force_setattr(content, "body", data)
        with contextlib.suppress(ContentError):
            decode_body(content)


def seeds() -> list[bytes]:
    stored = vectors("content")
    contents = [*stored["contents"], stored["unknown_kind"]]
    bodies = [bytes.fromhex(entry["fields"]["body"]) for entry in contents]
    return [bytes.fromhex(entry["content"]) for entry in contents] + bodies + [b"\x91\xa1\xff"]
