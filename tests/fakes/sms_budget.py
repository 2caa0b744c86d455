"""An `SmsBudgetStore` in memory; it passes the suite of the SQL one (tests/contract/sms_budget_store.py)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sayso.protocol.ids import EnrolmentId
from sayso.server.core.sms_budget import Bucket, BucketCharge, BucketKey, Decision, give_back, spend
from sayso.server.errors import StoreError


@dataclass
class MemorySmsBudget:
    """One event loop, no await inside: each method is one transaction."""

    broken: bool = False
    """Whether the storage is gone."""
    buckets: dict[BucketKey, Bucket] = field(default_factory=dict)
    charged: dict[EnrolmentId, tuple[float, Sequence[BucketCharge]]] = field(default_factory=dict)

    async def spend(
        self, enrolment: EnrolmentId, charges: Sequence[BucketCharge], *, now: float, expires: float
    ) -> Decision:
        """See `SmsBudgetStore`."""
        self._check()
        decision = spend(self.buckets, charges, now=now)
        self.buckets |= decision.changed
        if decision.full is None:
            self.charged[enrolment] = (expires, charges)
        return decision

    async def give_back(self, enrolment: EnrolmentId, *, confirmed: bool, now: float) -> None:
        """See `SmsBudgetStore`."""
        self._check()
        expires, charges = self.charged.pop(enrolment, (now, ()))
        for charge in charges:
            if expires > now and charge.key in self.buckets and (charge.cap.unconfirmed or not confirmed):
                self.buckets[charge.key] = give_back(self.buckets[charge.key], now=now)

    async def forget_spent(self, *, now: float) -> None:
        """See `SmsBudgetStore`."""
        self._check()
        self.buckets = {key: bucket for key, bucket in self.buckets.items() if bucket.empty_at > now}
        self.charged = {one: charged for one, charged in self.charged.items() if charged[0] > now}

    def _check(self) -> None:
        if self.broken:
            raise StoreError("the storage failed")
