"""Discovery's stores in memory; they pass the suites that the real ones pass (tests/contract/discovery_stores.py)."""

import hashlib
from collections.abc import Collection, Mapping, Sequence

from sayso.protocol.ids import DeviceId
from sayso.server.core.discovery_budget import Allowance, DiscoveryBudget, spend
from sayso.server.core.set_build import MadeSet, SetWork, make_set
from sayso.server.core.set_schedule import Candidate
from sayso.server.errors import StoreError
from tests.fakes.directory import MemoryDirectory


class MemoryDiscovery:
    """`DiscoveryBudgetStore` and `SetStore` beside a directory in memory."""

    def __init__(self, directory: MemoryDirectory) -> None:
        self._directory = directory
        self._budgets: dict[bytes, DiscoveryBudget] = {}
        self._leaves_at: dict[DeviceId, float] = {}
        self.broken = False
        """Whether the storage fails."""

    async def spend(self, record: bytes, batch: bytes, elements: int, *, now: float, allowance: Allowance) -> None:
        before = await self.budget(record)
        self._budgets[record] = spend(before, batch, elements, now=now, allowance=allowance)

    async def budget(self, record: bytes) -> DiscoveryBudget | None:
        self._check()
        return self._budgets.get(record)

    async def forget_full(self, *, now: float) -> None:
        self._budgets = {record: one for record, one in self._budgets.items() if one.full_at > now}

    async def candidates(self) -> list[Candidate]:
        self._check()
        found = []
        for line in await self._directory.load_lines(now=0.0):
            enrolment = await self._directory.enrolment(line.device)
            assert enrolment is not None
            found.append(
                Candidate(
                    device=line.device,
                    token=line.token,
                    findable=enrolment.findable == "everyone",
                    lease_ends=line.lease_ends,
                    previous_token=line.previous_token,
                    leaves_at=self._leaves_at.get(line.device),
                )
            )
        return found

    async def note(self, drawn: Mapping[DeviceId, float], back: Collection[DeviceId]) -> None:
        self._check()
        for device in back:
            self._leaves_at.pop(device, None)
        for device, leaves_at in drawn.items():
            if await self._directory.enrolment(device) is not None:
                self._leaves_at[device] = leaves_at

    async def leaves_at(self, device: DeviceId) -> float | None:
        return self._leaves_at.get(device) if await self._directory.enrolment(device) is not None else None

    def _check(self) -> None:
        if self.broken:
            raise StoreError("the storage failed")


class MemorySetFiles:
    """`SetFiles`."""

    def __init__(self) -> None:
        self._builds: dict[int, tuple[bytes, set[bytes]]] = {}
        self.blobs: dict[bytes, bytes] = {}
        self.trouble: StoreError | None = None
        """Raised by `publish` while it is set."""

    async def publish(self, built: int, document: bytes, blobs: Sequence[bytes], *, named: Collection[bytes]) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.blobs |= {digest: blob for blob in blobs if (digest := hashlib.sha256(blob).digest()) in named}
        self._builds[built] = (document, set(named))
        self._builds = {one: self._builds[one] for one in sorted(self._builds)[-3:]}
        kept = {sha256 for _, names in self._builds.values() for sha256 in names}
        self.blobs = {sha256: blob for sha256, blob in self.blobs.items() if sha256 in kept}

    async def latest(self) -> bytes | None:
        for built in sorted(self._builds, reverse=True):
            document, names = self._builds[built]
            if names <= set(self.blobs):
                return document
        return None

    async def blob(self, sha256: bytes) -> bytes | None:
        return self.blobs.get(sha256)

    def damage(self, sha256: bytes) -> None:
        """Lose a blob: a damaged one counts as none."""
        del self.blobs[sha256]


class InlineWorkshop:
    """`SetWorkshop`: makes sets where it stands."""

    async def make(self, work: SetWork) -> MadeSet:
        return make_set(work)
