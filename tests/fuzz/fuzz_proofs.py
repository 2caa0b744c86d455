"""Files of receipts, which a person hands to somebody else: only ConsentError, and nothing damaged proves anything."""

import contextlib
import json
from datetime import date
from typing import Final

import msgspec

from sayso.consent.errors import ConsentError
from sayso.consent.proofs import Proof, Proofs, check_proof, read_proofs
from tests.fakes.proofs import proof, proof_of_leaving

SLOW_EXECUTIONS = 4_000
_TODAY: Final = date(2026, 11, 22)
_TRUE: Final = [json.loads(msgspec.json.encode(one)) for one in (proof(), proof_of_leaving())]


def fuzz_one(data: bytes) -> None:
    """Read what comes; check it as far as the first signature, which needs the curve."""
    with contextlib.suppress(ConsentError):
        read_proofs(data)


def slow_one(data: bytes) -> None:
    """Read and check what comes."""
    with contextlib.suppress(ConsentError):
        for one in read_proofs(data):
            check_proof(one, today=_TODAY)
            _is_true(one)


def _is_true(one: Proof) -> None:
    # Without what it says of the leaving, a proof shows the consent alone; each part still has to be as it was signed.
    shown = json.loads(msgspec.json.encode(one))
    for true in _TRUE:
        if all(true.get(part) == signed for part, signed in shown.items()):
            return
    raise AssertionError("proved, and not what was signed")


def seeds() -> list[bytes]:
    """A consent that holds, one that ended, and both in one file."""
    made = [proof(), proof_of_leaving()]
    return [
        msgspec.json.encode(Proofs(proofs=proofs, schema_version="sayso-proofs-1"))
        for proofs in ([made[0]], [made[1]], made)
    ]
