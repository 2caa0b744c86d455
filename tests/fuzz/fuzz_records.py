"""Consent records, withdrawals and receipts as documents: only ConsentError, and nothing damaged is accepted."""

import contextlib
import json

from sayso.consent.errors import ConsentError
from sayso.consent.receipts import read_receipt
from sayso.consent.records import read_record, read_withdrawal
from scripts.vector_cast import ALICE, RECEIPT_KEY
from tests.fuzz.vectors import vectors

SLOW_EXECUTIONS = 10_000
_SIGNED = [
    vectors("consent")[name]["document"] for name in ("record", "withdrawal", "receipt_given", "receipt_withdrawn")
]
_RECEIPT_KEY = RECEIPT_KEY.public_key().public_bytes_raw()


def _document(data: bytes) -> dict[str, object] | None:
    """Read JSON as the most lenient of parsers does: lone surrogates, NaN and huge numbers come through."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def fuzz_one(data: bytes) -> None:
    document = _document(data)
    if document is None:
        return
    # Empty keys end the check right before the curve; a record names its own key, which is damaged often enough.
    with contextlib.suppress(ConsentError):
        if "record" in document:
            read_record(document)
        elif "withdrawal" in document:
            read_withdrawal(document, device_key=b"")
        else:
            read_receipt(document, receipt_key=b"")


def slow_one(data: bytes) -> None:
    document = _document(data)
    if document is not None:
        with contextlib.suppress(ConsentError):
            read_record(document)
            _signed(document)
        with contextlib.suppress(ConsentError):
            read_withdrawal(document, device_key=ALICE.ed25519)
            _signed(document)
        with contextlib.suppress(ConsentError):
            read_receipt(document, receipt_key=_RECEIPT_KEY)
            _signed(document)


def _signed(document: dict[str, object]) -> None:
    if document not in _SIGNED:
        raise AssertionError("accepted, and not what was signed")


def seeds() -> list[bytes]:
    return [json.dumps(document).encode() for document in _SIGNED]
