"""Takes Kannel's delivery reports: a listener on loopback, on a port of the system's choice.

Kannel fetches the URL that came with the SMS. Ours holds a random reference and Kannel's code for the state, nothing
of the number: Kannel and whoever reads its log learn nothing from it. A reference is good for one final report, so a
program on this machine that guesses URLs can report nothing.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from sayso.protocol.limits import LIMITS
from sayso.server.ports import Clock, Random, SmsReports

DELIVERY_MASK: Final = "19"
"""Which reports we want (Kannel user guide, "Delivery reports"): 1 delivered, 2 not deliverable, 16 refused."""
_DELIVERED: Final = b"1"
_REFERENCE_BYTES: Final = 16
_REQUEST: Final = re.compile(rb"GET /dlr/([0-9a-f]{32})\?state=(1|2|16) HTTP/1\.[01]\r\n.*", re.DOTALL)
_ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nok"
_UNKNOWN: Final = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_MAX_HEAD_BYTES: Final = 4096
_PATIENCE_S: Final = 5.0
_KEEP_S: Final = 2 * LIMITS.code_s
_MOST: Final = 10_000
_MOST_AT_ONCE: Final = 32


@dataclass(frozen=True, slots=True)
class Expected:
    """A report that is waited for."""

    reference: str
    url: str
    """For Kannel, which puts the state in the place of `%d`."""


@dataclass(frozen=True, slots=True)
class Report:
    """What Kannel says of an SMS."""

    reference: str
    delivered: bool


class DeliveryCallbacks:
    """Hands out URLs while it is `listening`, and tells what comes back on them."""

    def __init__(self, *, clock: Clock, random: Random, reports: SmsReports) -> None:
        """Wire it; nothing listens yet."""
        self._clock = clock
        self._random = random
        self._reports = reports
        self._expected: dict[str, float] = {}
        self._port: int | None = None
        self._busy = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Take reports inside the block."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_MAX_HEAD_BYTES)
        self._port = server.sockets[0].getsockname()[1]
        async with server:
            try:
                yield
            finally:
                self._port = None

    def expect(self) -> Expected | None:
        """Make a URL for one SMS. None: nothing listens."""
        if self._port is None:
            return None
        reference = self._random.token_bytes(_REFERENCE_BYTES).hex()
        self._expected[reference] = self._clock.monotonic() + _KEEP_S
        # The oldest goes first: dicts keep the order of insertion.
        if len(self._expected) > _MOST:
            self._expected.pop(next(iter(self._expected)))
        return Expected(reference, f"http://127.0.0.1:{self._port}/dlr/{reference}?state=%d")

    def forget(self, expected: Expected) -> None:
        """No report will come: the SMS was not taken."""
        self._expected.pop(expected.reference, None)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._busy += 1
        try:
            if self._busy <= _MOST_AT_ONCE:
                async with asyncio.timeout(_PATIENCE_S):
                    writer.write(self._answer(await reader.readuntil(b"\r\n\r\n")))
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # no request; there is nobody to answer
        finally:
            self._busy -= 1
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def _answer(self, head: bytes) -> bytes:
        report = read_report(head)
        expires = None if report is None else self._expected.pop(report.reference, None)
        if report is None or expires is None:
            return _UNKNOWN
        if expires > self._clock.monotonic():
            self._reports.reported(delivered=report.delivered)
        return _ANSWER


def read_report(head: bytes) -> Report | None:
    """Read the head of a request; None: it is no report."""
    found = _REQUEST.fullmatch(head)
    return None if found is None else Report(found.group(1).decode("ascii"), delivered=found.group(2) == _DELIVERED)
