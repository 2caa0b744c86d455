"""Statements: only StatementError, and nothing damaged is accepted."""

import contextlib

from sayso.protocol.errors import StatementError
from sayso.protocol.ids import KeyDigest
from sayso.protocol.statement import read_statement
from scripts.vector_cast import SERVER, STATEMENT
from tests.fuzz.vectors import vectors

SLOW_EXECUTIONS = 10_000
_NOBODY = KeyDigest(bytes(32))


def fuzz_one(data: bytes) -> None:
    # Pinned to nobody's key: everything is parsed and canonicalised, the curve is left to `slow_one`.
    with contextlib.suppress(StatementError):
        read_statement(data, pinned=_NOBODY)


def slow_one(data: bytes) -> None:
    with contextlib.suppress(StatementError):
        if read_statement(data, pinned=SERVER)[0] != STATEMENT:
            raise AssertionError("accepted, and not what was signed")


def seeds() -> list[bytes]:
    document = vectors("statement")["document"].encode()
    return [document, document.replace(b'"version":1', b'"version":1,"more":{"deep":[1.5,null,"\\u00e9"]}')]
