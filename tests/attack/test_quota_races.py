"""More numbers than the budget has: all at once, across a restart, by leaving and coming back, with a broken store."""

import asyncio
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy
from sqlalchemy.ext.asyncio import AsyncConnection

from sayso.protocol import api, tokens
from sayso.protocol.limits import DAY, LIMITS
from sayso.server.core.discovery_budget import Allowance
from tests.aio import run
from tests.fakes.asgi import Answer
from tests.fakes.control_server import ControlServer, control_server
from tests.fakes.control_world import ServerClock
from tests.fakes.enrolling_device import EnrollingDevice

ALICE, BOB = "+447700900001", "+447700900002"
SMALL = Allowance(bucket=10, per_day=10)
EACH_S = DAY // 10


def batch(count: int) -> api.Evaluate:
    """Numbers that were never asked for."""
    return api.Evaluate(5, tokens.Blinded([os.urandom(16) for _ in range(count)]).elements)


async def ask(device: EnrollingDevice, count: int) -> Answer:
    return await device.post(api.EVALUATE_PATH, batch(count))


async def nonces(device: EnrollingDevice, count: int) -> None:
    """Collect so many fresh nonces: each parallel request needs its own."""
    collected: list[str] = []
    while len(collected) < count:
        collected.append(await device.nonce())
    device.nonces += collected


def outcomes(answers: list[Answer]) -> dict[str | None, int]:
    counted: dict[str | None, int] = {}
    for answer in answers:
        counted[answer.problem] = counted.get(answer.problem, 0) + 1
    return counted


def test_of_parallel_requests_for_the_last_number_one_is_answered(tmp_path: Path) -> None:
    async def main() -> None:
        async with control_server(tmp_path, discovery=SMALL) as server:
            device = await server.enrolled(ALICE)
            assert (await ask(device, 9)).status == 200
            await nonces(device, 30)
            answers = await asyncio.gather(*(ask(device, 1) for _ in range(30)))
            assert outcomes(answers) == {None: 1, "limit": 29}
            refused = next(answer for answer in answers if answer.problem == "limit")
            assert refused.status == 429
            assert int(refused.field("retry-after") or 0) == EACH_S

    run(main())


def test_parallel_batches_never_add_up_to_more_than_the_bucket(tmp_path: Path) -> None:
    async def main() -> None:
        async with control_server(tmp_path, discovery=SMALL) as server:
            device = await server.enrolled(ALICE)
            await nonces(device, 12)
            answers = await asyncio.gather(*(ask(device, 3) for _ in range(12)))
            assert outcomes(answers) == {None: 3, "limit": 9}

    run(main())


def test_a_restart_fills_no_bucket(tmp_path: Path) -> None:
    clock = ServerClock()

    async def spend() -> EnrollingDevice:
        async with control_server(tmp_path, clock=clock, discovery=SMALL) as server:
            device = await server.enrolled(ALICE)
            assert (await ask(device, 10)).status == 200
            return device

    async def again(device: EnrollingDevice) -> None:
        async with control_server(tmp_path, clock=clock, discovery=SMALL) as server:
            device.client = server.client
            device.nonces.clear()
            assert (await ask(device, 1)).problem == "limit"
            clock.seconds += EACH_S
            device.nonces.clear()
            assert (await ask(device, 1)).status == 200

    async def main() -> None:
        await again(await spend())

    run(main())


def test_leaving_and_coming_back_fills_no_bucket(tmp_path: Path) -> None:
    async def main() -> None:
        async with control_server(tmp_path, discovery=SMALL) as server:
            device = await server.enrolled(ALICE)
            assert (await ask(device, 10)).status == 200
            gone = await device.post(api.WITHDRAW_PATH, device.withdrawal())
            assert gone.status == 200
            assert any("numbers were asked for" in one for one in receipt_of(gone)["outlives"])
            for number, left in ((ALICE, 0), (BOB, 10)):
                back = await server.enrolled(number)
                assert (await ask(back, left + 1)).problem == "limit"
                if left:
                    assert (await ask(back, left)).status == 200

    run(main())


def receipt_of(answer: Answer) -> dict[str, Any]:
    """The inner receipt of a withdrawal."""
    document: dict[str, Any] = msgspec.json.decode(answer.body)["receipt"]
    found: dict[str, Any] = document.get("receipt", document)
    return found


def test_a_replacing_device_does_not_fill_the_bucket_of_its_line(tmp_path: Path) -> None:
    async def main() -> None:
        async with control_server(tmp_path, discovery=SMALL) as server:
            device = await server.enrolled(ALICE)
            assert (await ask(device, 10)).status == 200
            await device.post(api.WITHDRAW_PATH, device.withdrawal())
            other = await server.enrolled(ALICE)
            assert (await ask(other, 1)).problem == "limit"

    run(main())


def test_the_record_is_gone_when_the_bucket_is_full_and_names_nobody_until_then(tmp_path: Path) -> None:
    async def main() -> None:
        async with control_server(tmp_path, discovery=SMALL) as server:
            device = await server.enrolled(ALICE)
            token = server.token(device)
            assert (await ask(device, 10)).status == 200
            await device.post(api.WITHDRAW_PATH, device.withdrawal())
            assert await records(server) == 1
            assert token not in (tmp_path / "directory.db").read_bytes().split(b"discovery_budgets")[-1]
            server.clock.seconds += DAY + 1
            await server.control.sweep()
            assert await records(server) == 0

    run(main())


def test_no_allowance_keeps_a_record_for_more_than_thirty_days() -> None:
    usual = Allowance()
    assert usual.bucket * usual.each_s == 10 * DAY <= LIMITS.limiter_kept_s


@pytest.mark.parametrize(
    "damage", ["DROP TABLE discovery_budgets", "ALTER TABLE discovery_budgets RENAME TO elsewhere"]
)
def test_with_the_limiters_store_gone_nothing_is_evaluated(tmp_path: Path, damage: str) -> None:
    async def main() -> None:
        async with control_server(tmp_path, discovery=SMALL) as server:
            device = await server.enrolled(ALICE)
            await execute(server, damage)
            for _ in range(3):
                answer = await ask(device, 1)
                assert (answer.status, answer.problem) == (503, "unavailable")

    run(main())


def test_who_has_not_paid_is_not_even_told_whether_an_element_is_one(tmp_path: Path) -> None:
    """The key works for nobody before the budget has: what it would say of a bad element stays unsaid."""

    async def main() -> None:
        bad = api.Evaluate(5, [bytes(32)])
        async with control_server(tmp_path, discovery=SMALL) as server:
            device = await server.enrolled(ALICE)
            assert (await device.post(api.EVALUATE_PATH, bad)).problem == "malformed"
            assert (await ask(device, 9)).status == 200
            assert (await device.post(api.EVALUATE_PATH, bad)).problem == "limit"
            await execute(server, "DROP TABLE discovery_budgets")
            assert (await device.post(api.EVALUATE_PATH, bad)).problem == "unavailable"

    run(main())


def test_a_sweep_fills_no_bucket(tmp_path: Path) -> None:
    async def main() -> None:
        async with control_server(tmp_path, discovery=SMALL) as server:
            device = await server.enrolled(ALICE)
            assert (await ask(device, 10)).status == 200
            await server.control.sweep()
            assert (await ask(device, 1)).problem == "limit"

    run(main())


def test_the_same_batch_again_is_free_and_teaches_nothing_new(tmp_path: Path) -> None:
    async def main() -> None:
        async with control_server(tmp_path, discovery=SMALL) as server:
            device = await server.enrolled(ALICE)
            body = batch(10)
            first = await device.post(api.EVALUATE_PATH, body)
            again = await device.post(api.EVALUATE_PATH, body)
            assert (first.status, again.status) == (200, 200)
            assert evaluated(first) == evaluated(again)
            assert (await ask(device, 1)).problem == "limit"

    run(main())


def evaluated(answer: Answer) -> bytes:
    """The evaluated elements, without the proof, which is drawn anew."""
    return msgspec.json.decode(answer.body, type=api.Evaluated).evaluated[64:]


async def execute(server: ControlServer, statement: str) -> list[Any]:
    """Do something to the database behind the server's back."""
    async with server.control._store._database.write() as connection:  # type: ignore[attr-defined]  # the attack
        assert isinstance(connection, AsyncConnection)
        result = await connection.execute(sqlalchemy.text(statement))
        return list(result.all()) if result.returns_rows else []


async def records(server: ControlServer) -> int:
    return len(await execute(server, "SELECT id FROM discovery_budgets"))
