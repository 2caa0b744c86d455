"""Signed requests, from the fields to the check of the body: only SignatureError; nothing damaged is accepted."""

import contextlib

from sayso.protocol.errors import SignatureError
from sayso.protocol.requests import Request, read_claim, verify_request
from scripts.vector_cast import ALICE, SERVER
from tests.fuzz.vectors import vectors

SLOW_EXECUTIONS = 10_000
_STORED = vectors("requests")
_SIGNED = Request(
    method=_STORED["method"], authority=_STORED["authority"], path=_STORED["path"], body=_STORED["body"].encode()
)


def _check(data: bytes, public_key: bytes) -> None:
    head, _, body = data.decode("latin-1").partition("\n\n")
    start, *lines = head.split("\n")
    method, _, rest = start.partition(" ")
    authority, _, path = rest.partition(" ")
    headers = {name: value for name, _, value in (line.partition(": ") for line in lines)}
    request = Request(method=method, authority=authority, path=path, body=body.encode("latin-1"))
    with contextlib.suppress(SignatureError):
        verify_request(read_claim(headers), request, public_key=public_key, server=SERVER)
        if request != _SIGNED:
            raise AssertionError("accepted, and not what was signed")


def fuzz_one(data: bytes) -> None:
    # An empty key ends the check right before the curve, after all that is parsed.
    _check(data, b"")


def slow_one(data: bytes) -> None:
    _check(data, ALICE.ed25519)


def seeds() -> list[bytes]:
    start = f"{_SIGNED.method} {_SIGNED.authority} {_SIGNED.path}\n"
    fields = "\n".join(f"{name.lower()}: {value}" for name, value in _STORED["headers"].items())
    return [f"{start}{fields}\n\n".encode() + _SIGNED.body]
