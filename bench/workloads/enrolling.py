"""Enrolments over HTTP, from the consent to the receipt; the driver is the operator that the codes are sent through."""

import asyncio
import random
from pathlib import Path
from typing import Final

import httpcore

from bench.bench import Bench, Site, no_collections
from bench.procfs import Figures
from bench.workloads.timing import CodeRequests, Made, fetch_statement, first_nonce
from sayso.phone.core.codes import code_in
from sayso.protocol import api
from tests.fakes.kannel import FakeKannel

_AT_ONCE: Final = 8
_BEGUN: Final = 202
_ENROLLED: Final = 200
_TO: Final = b"x-kannel-to:"
_CAPS: Final = """\
everything = {budget = 1000000, per_hour = 1000000}
country = {budget = 1000000, per_hour = 1000000, unconfirmed_budget = 1000000, unconfirmed_per_hour = 1000000}
block = {budget = 1000000, per_hour = 1000000}
block_unconfirmed = {budget = 1000000, per_hour = 1000000}
"""
"""All numbers here are adjacent ones of one country: as its caps are, most of them would get no SMS."""


class Gateway:
    """Takes the server's SMS, and finds the code for a number."""

    def __init__(self, kannel: FakeKannel) -> None:
        self._kannel = kannel
        self._codes: dict[str, asyncio.Future[str]] = {}

    async def run(self) -> None:
        """Read SMS until cancelled."""
        for place in range(1 << 30):
            await self._kannel.taken.get()
            number = next(
                line.partition(b":")[2].strip().decode("ascii")
                for line in self._kannel.heads[place].split(b"\r\n")
                if line.lower().startswith(_TO)
            )
            code = code_in(self._kannel.bodies[place].decode("utf-8"))
            if code is not None:
                self._code(number).set_result(code)

    async def code(self, number: str) -> str:
        """Wait for the code that is sent to a number."""
        return await self._code(number)

    def _code(self, number: str) -> asyncio.Future[str]:
        return self._codes.setdefault(number, asyncio.get_running_loop().create_future())


async def enrolment(bench: Bench, size: int) -> Figures:  # noqa: ARG001  no envelope is sent
    """Lines enrol, eight at a time: consent, sealed number, code by SMS, confirmation, receipt and certificate."""
    with bench.place("caps") as folder:
        async with FakeKannel().running() as kannel:
            options = ("--sms-gateway", kannel.url, "--sms-caps", str(_caps(folder)))
            async with bench.site(options=options) as site:
                return await _enrol_all(site, Gateway(kannel), bench.settings.enrolments)


async def _enrol_all(site: Site, gateway: Gateway, count: int) -> Figures:
    numbers = iter([f"+447700900{place:03d}" for place in range(count)])
    begun = enrolled = busy = 0
    async with httpcore.AsyncConnectionPool(max_connections=_AT_ONCE) as pool:
        codes = CodeRequests(site, await fetch_statement(site, pool), random.Random(1))

        async def post(made: Made) -> tuple[int, str]:
            url = site.server.http + made.path
            response = await pool.request("POST", url, headers=made.fields, content=made.body)
            return response.status, dict(response.headers)[api.REPLAY_NONCE.lower().encode()].decode("ascii")

        async def device() -> None:
            nonlocal begun, enrolled, busy
            nonce = await first_nonce(site, pool)
            for number in numbers:
                asking = codes.ask(number, nonce)
                status, nonce = await post(asking.made)
                if status != _BEGUN:
                    busy += 1
                    continue
                begun += 1
                code = await site.watch.of(gateway.code(number))
                status, nonce = await post(codes.confirm(asking, code, nonce))
                enrolled += status == _ENROLLED

        with no_collections():
            async with asyncio.TaskGroup() as tasks:
                reading = tasks.create_task(gateway.run())
                meter = site.server.meter()
                meter.start()
                async with asyncio.TaskGroup() as devices:
                    for _ in range(_AT_ONCE):
                        devices.create_task(device())
                figures = meter.stop(enrolled, "enrolments")
                reading.cancel()
    return figures | {"busy": busy, "unconfirmed": begun - enrolled}


def _caps(folder: Path) -> Path:
    file = folder / "caps.toml"
    file.write_text(_CAPS, encoding="utf-8")
    file.chmod(0o600)
    return file
