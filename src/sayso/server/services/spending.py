"""Sends codes within the budget (`core.sms_caps`): counts first, durably, and sends after; who cannot count sends not.

The number is seen here only to find its buckets; what is kept are keyed hashes of them, for the life of the code.
"""

from collections.abc import Callable
from typing import Final

import structlog

from sayso.protocol.ids import EnrolmentId
from sayso.protocol.limits import LIMITS
from sayso.protocol.numbers import PhoneNumber
from sayso.server.core.sms_budget import BucketCharge, bucket_key
from sayso.server.core.sms_caps import SmsCaps, charges, destination
from sayso.server.errors import ServerError, SmsBudgetError, SmsNotTakenError
from sayso.server.ports import CodeSender, SmsBudgetStore

_LOG: Final = structlog.get_logger()


class Spending:
    """A `CodeDispatch` over a `CodeSender`."""

    def __init__(
        self,
        *,
        sender: CodeSender,
        store: SmsBudgetStore,
        caps: SmsCaps,
        secret: bytes,
        running: Callable[[], float],
    ) -> None:
        """Wire it; `secret` keys the buckets' names, `running` are the server's running seconds."""
        self._sender = sender
        self._store = store
        self._caps = caps
        self._secret = secret
        self._running = running

    async def send(self, enrolment: EnrolmentId, number: PhoneNumber, text: str) -> None:
        """See `CodeDispatch`.

        Raises:
            SmsBudgetError: a cap or the breaker stands in the way.
            SmsError: the operator did not take it, or nobody knows.
            StoreError: it could not be counted, so it was not sent.
        """
        to = destination(number, block_digits=self._caps.block_digits)
        taken = [
            BucketCharge(key=bucket_key(self._secret, charge), cap=charge.cap) for charge in charges(self._caps, to)
        ]
        now = self._running()
        decision = await self._store.spend(enrolment, taken, now=now, expires=now + LIMITS.code_s)
        if decision.full is not None:
            if decision.tripped:
                # The country and never the block: a block is most of a number.
                _LOG.warning("sms breaker tripped", cap=decision.full.name, country=to.country)
            raise SmsBudgetError(f"no SMS: the budget {decision.full.name!r} is spent (docs/reference/sms-budget.md)")
        try:
            await self._sender.send(number, text)
        except SmsNotTakenError:
            # What nobody knows the fate of stays counted.
            await self._store.give_back(enrolment, confirmed=False, now=self._running())
            raise

    async def confirmed(self, enrolment: EnrolmentId) -> None:
        """See `CodeDispatch`."""
        try:
            await self._store.give_back(enrolment, confirmed=True, now=self._running())
        except ServerError as error:
            # The person is enrolled; that one SMS counts as unconfirmed until it has leaked away harms nobody.
            _LOG.warning("sms not given back", error=type(error).__name__)
