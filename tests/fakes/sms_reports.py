"""An `SmsReports` that keeps what it was told."""

import asyncio
from dataclasses import dataclass, field


@dataclass
class FakeReports:
    """What became of SMS, in the order of the reports."""

    told: list[bool] = field(default_factory=list)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    def reported(self, *, delivered: bool) -> None:
        """See `SmsReports`."""
        self.told.append(delivered)
        self._more.set()

    async def wait_for(self, count: int) -> list[bool]:
        """Wait for so many reports."""
        while len(self.told) < count:
            self._more.clear()
            await self._more.wait()
        return self.told
