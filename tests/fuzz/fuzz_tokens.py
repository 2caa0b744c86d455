"""VOPRF elements and proofs: only DiscoveryError, though the library panics."""

import contextlib
import os
from collections.abc import Iterator

from sayso.protocol.errors import DiscoveryError
from sayso.protocol.tokens import Blinded, evaluate, public_key, voprf_input
from scripts.vector_cast import ALICE, BOB, VOPRF_SEED
from tests.fuzz.vectors import vectors

SLOW_EXECUTIONS = 1_500
_KEY = public_key(VOPRF_SEED)
_BLINDED = Blinded([voprf_input(ALICE.number), voprf_input(BOB.number)])
_EVALUATED_BYTES = 64 + 2 * 32


def _elements(data: bytes) -> list[bytes]:
    return [data[start : start + 32] for start in range(0, len(data), 32)]


def fuzz_one(data: bytes) -> None:
    # Empty keys end both right after the parsing.
    with contextlib.suppress(DiscoveryError):
        evaluate(b"", _elements(data[:64]))
    with contextlib.suppress(DiscoveryError):
        _BLINDED.finish(data[:_EVALUATED_BYTES].ljust(_EVALUATED_BYTES, b"\0"), public_key=b"")


@contextlib.contextmanager
def _without_backtraces() -> Iterator[None]:
    """The library writes each panic to the error output; a thousand of them help nobody."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def slow_one(data: bytes) -> None:
    with contextlib.suppress(DiscoveryError):
        evaluate(VOPRF_SEED, _elements(data[:64]))
    with contextlib.suppress(DiscoveryError), _without_backtraces():
        _BLINDED.finish(data[:_EVALUATED_BYTES].ljust(_EVALUATED_BYTES, b"\0"), public_key=_KEY)


def seeds() -> list[bytes]:
    stored = vectors("rfc9497")["vectors"][-1]
    proof, elements = stored["proof"], "".join(stored["evaluation_element"])
    return [
        bytes.fromhex(proof + elements),
        bytes.fromhex("".join(stored["blinded_element"])),
        b"".join(_BLINDED.elements),
    ]
