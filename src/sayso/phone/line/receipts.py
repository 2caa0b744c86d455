"""The owner's proofs: each consent with what the server signed for it, ready to be checked by anybody."""

import json
from collections.abc import Iterable

from sayso.consent.proofs import Proof
from sayso.phone.adapters.store import Store
from sayso.phone.adapters.store.lines import Consent
from sayso.phone.command_types import ReceiptList


def receipt_list(store: Store, lines: Iterable[bytes]) -> ReceiptList:
    """Gather the proofs of some lines, oldest first for each. Looks into the store only."""
    consents = [consent for line in lines for consent in store.lines.consents(line)]
    proofs = [proof for consent in consents if (proof := _proof(consent)) is not None]
    return ReceiptList(proofs=proofs, unanswered=len(consents) - len(proofs))


def _proof(consent: Consent) -> Proof | None:
    if consent.receipt is None or consent.statement is None:
        return None
    return Proof(
        record=json.loads(consent.record),
        receipt=json.loads(consent.receipt),
        statement=json.loads(consent.statement),
        withdrawal=_document(consent.withdrawal),
        withdrawal_receipt=_document(consent.withdrawal_receipt),
        withdrawal_statement=_document(consent.withdrawal_statement),
    )


def _document(stored: str | None) -> dict[str, object] | None:
    if stored is None:
        return None
    document: dict[str, object] = json.loads(stored)
    return document
