"""Enrolments begun over HTTP: consent checked, number opened and turned into a token, code drawn and budgeted."""

import asyncio
import random
from typing import Final

import httpcore

from bench.bench import Bench, no_collections
from bench.procfs import Figures
from bench.workloads.timing import CodeRequests, fetch_statement, first_nonce
from sayso.protocol import api

_AT_ONCE: Final = 8
_ANSWERED: Final = frozenset({200, 202})


async def enrolment(bench: Bench, size: int) -> Figures:  # noqa: ARG001  no envelope is sent
    """Devices ask for a code, eight at a time; the confirmation, which waits for a person, is not in it."""
    async with bench.site() as site, httpcore.AsyncConnectionPool(max_connections=_AT_ONCE) as pool:
        statement = await fetch_statement(site, pool)
        codes = CodeRequests(site, statement, random.Random(1))
        began = busy = 0
        share = -(-bench.settings.enrolments // _AT_ONCE)

        async def device() -> None:
            nonlocal began, busy
            nonce = await first_nonce(site, pool)
            for _ in range(share):
                made = codes.make("unknown", nonce)
                url = site.server.http + made.path
                response = await pool.request("POST", url, headers=made.fields, content=made.body)
                began += response.status in _ANSWERED
                busy += response.status not in _ANSWERED
                nonce = dict(response.headers)[api.REPLAY_NONCE.lower().encode()].decode("ascii")

        with no_collections():
            meter = site.server.meter()
            meter.start()
            async with asyncio.TaskGroup() as tasks:
                for _ in range(_AT_ONCE):
                    tasks.create_task(device())
            figures = meter.stop(began, "enrolments")
    return figures | {"busy": busy}
