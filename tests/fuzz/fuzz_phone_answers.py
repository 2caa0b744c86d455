"""Answers of the control plane, as the phone reads them: an answer, or a ServerSideError; nothing else.

The first byte of an input picks status, media type and the expected answer, the rest is the body.
"""

import contextlib
from typing import Final

from msgspec import Struct

from sayso.phone.adapters.control_answers import HttpAnswer, read_answer, read_public
from sayso.phone.errors import ServerSideError
from sayso.protocol.api import (
    AgreedAnew,
    Claimed,
    Enrolled,
    EnrolPending,
    Evaluated,
    Holdings,
    KeysLeft,
    LockLeft,
    Moved,
    PinEvaluated,
    Renewed,
    Withdrawn,
)

_KINDS: Final[list[type[Struct]]] = [
    Claimed,
    Enrolled,
    EnrolPending,
    Evaluated,
    Holdings,
    KeysLeft,
    Renewed,
    Withdrawn,
    PinEvaluated,
    LockLeft,
    Moved,
    AgreedAnew,
]
_PROBLEM = 0x80


def fuzz_one(data: bytes) -> None:
    head, body = data[0] if data else 0, data[1:]
    status, media = (400, "application/problem+json") if head & _PROBLEM else (200, "application/json")
    after = body[:8].decode("latin-1")
    fields = {"content-type": media, "retry-after": after, "replay-nonce": after}
    answer = HttpAnswer(status=status, fields=fields, body=body)
    with contextlib.suppress(ServerSideError):
        read_answer(answer, _KINDS[head % _PROBLEM % len(_KINDS)])
    with contextlib.suppress(ServerSideError):
        read_public(answer)
    assert answer.nonce in {None, after}


def seeds() -> list[bytes]:
    return [
        b"\x80" + b'{"type":"urn:sayso:problem:code","title":"t","status":400,"detail":"\\u001b[2J"}',
        b"\x05" + b'{"one_time_keys":7}',
        b"\x02" + b'{"id":"AAAAAAAAAAAAAAAAAAAAAA==","expires_s":600,"code_digits":6}',
        b"\x03" + b'{"epoch":1,"evaluated":"AAAA"}',
        b"\x06" + b'{"certificate":"AAAA","lease_s":259200}',
        b"\x07" + b'{"receipt":{"a":[{"b":1e308}]}}',
        b"\x08" + b'{"salt":"' + b"A" * 22 + b'==","key":"' + b"A" * 43 + b'=","evaluated":"AAAA"}',
        b"\x09" + b'{"wait_s":604800}',
        b"\x0a" + b'{"certificate":"AAAA","lease_s":259200}',
        b"\x0b" + b'{"receipt":{"receipt":{"event":"given"},"signature":""}}',
        b"\x80" + b'{"type":"urn:sayso:problem:locked","status":423,"lock":{"wait_s":604800,"pin_tries":9}}',
        b"\x00" + b'{"lines":[{"token":"' + b"A" * 44 + b'","devices":[]}]}',
    ]
