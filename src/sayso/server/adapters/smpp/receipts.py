"""Which delivery receipt belongs to an SMS of ours. Ids and times only: nothing here knows a number."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from sayso.server.adapters.smpp.pdus import Receipt, ReceiptState

_MOST: Final = 10_000
_MOST_EARLY: Final = 256
_HEX: Final = re.compile(r"[0-9a-f]{1,16}", re.ASCII)
_DECIMAL: Final = re.compile(r"[0-9]{1,20}", re.ASCII)


class Receipts:
    """SMS that were taken and wait for their receipt; each is reported once."""

    def __init__(self, *, keep_s: float) -> None:
        """Take how long a receipt is waited for, in seconds."""
        self._keep_s = keep_s
        self._waiting: dict[str, float] = {}
        self._early: dict[str, tuple[float, bool]] = {}

    def taken(self, message_id: str, *, now: float) -> bool | None:
        """Note an SMS. Returns whether it was delivered, where its receipt has overtaken the answer."""
        if not message_id:
            return None
        overtaken = _find(self._early, message_id)
        if overtaken is not None:
            expires, delivered = self._early.pop(overtaken)
            if expires > now:
                return delivered
        self._waiting[_plain(message_id)] = now + self._keep_s
        # The oldest goes first: dicts keep the order of insertion.
        if len(self._waiting) > _MOST:
            self._waiting.pop(next(iter(self._waiting)))
        return None

    def receipted(self, receipt: Receipt, *, now: float) -> bool | None:
        """Match a receipt. Returns whether the SMS was delivered; None: not decided, not ours, or said before."""
        if receipt.state is ReceiptState.UNDER_WAY:
            return None
        delivered = receipt.state is ReceiptState.DELIVERED
        ours = _find(self._waiting, receipt.message_id)
        if ours is not None:
            return delivered if self._waiting.pop(ours) > now else None
        self._early[_plain(receipt.message_id)] = (now + self._keep_s, delivered)
        if len(self._early) > _MOST_EARLY:
            self._early.pop(next(iter(self._early)))
        return None


def _find(table: Mapping[str, object], message_id: str) -> str | None:
    return next((form for form in _forms(message_id) if form in table), None)


def _plain(message_id: str) -> str:
    return message_id.lower().lstrip("0") or "0"


def _forms(message_id: str) -> Iterator[str]:
    """The id as it is; then in the other base, since SMSCs answer in hexadecimal and receipt in decimal."""
    plain = _plain(message_id)
    yield plain
    if _DECIMAL.fullmatch(plain):
        yield f"{int(plain):x}"
    if _HEX.fullmatch(plain):
        yield str(int(plain, 16))
