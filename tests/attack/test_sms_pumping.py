"""SMS pumping: somebody who earns by SMS to a number range asks for codes to all of it, and confirms none."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from sayso.protocol import api
from sayso.protocol.limits import HOUR, LIMITS
from sayso.server.core.sms_caps import SmsCaps
from tests.aio import run
from tests.fakes.asgi import Answer
from tests.fakes.control_server import ControlServer, control_server
from tests.fakes.control_world import FakeRelay, ServerClock
from tests.fakes.enrolling_device import EnrollingDevice

REQUESTS = 5_000
RANGE = [f"+447700900{last:03d}" for last in range(1000)]
"""Adjacent numbers, all in one block; five requests for each."""
ELSEWHERE = "+12025550123"


async def ask(device: EnrollingDevice, number: str) -> Answer:
    """Ask for a code to a number, as a fresh enrolment."""
    device.number = number
    enrolment = device.drawn()
    return await device.post(api.ENROL_PATH, lambda nonce: device.enrol_body(nonce, enrolment))


def seen(answer: Answer) -> tuple[object, ...]:
    """What of an answer could tell one number from another: all but the random parts."""
    fields = sorted(name.lower() for name, _ in answer.fields)
    shape = api.EnrolPending.__struct_fields__
    assert all(field.encode() in answer.body for field in shape), answer.body
    return answer.status, len(answer.body), tuple(fields)


async def pump(server: ControlServer, requests: int) -> Counter[tuple[object, ...]]:
    """The attack; what was answered, and how often."""
    answers: Counter[tuple[object, ...]] = Counter()
    device = server.device()
    await device.fetch_statement()
    for number in range(requests):
        answers[seen(await ask(device, RANGE[number % len(RANGE)]))] += 1
        if number % 100 == 99:
            await server.control.background.settle()
    await server.control.background.settle()
    return answers


@pytest.mark.slow
def test_five_thousand_requests_over_adjacent_numbers(tmp_path: Path) -> None:
    """The attacker gets what the breaker lets through, hears nothing of it, and nobody elsewhere is harmed."""

    async def main() -> None:
        caps = SmsCaps()
        with structlog.testing.capture_logs() as log:
            async with control_server(tmp_path) as server:
                answers = await pump(server, REQUESTS)
                assert len(server.sender.sent) == caps.block_unconfirmed.budget
                assert sum(line["event"] == "sms breaker tripped" for line in log) == 1

                honest = server.device()
                await honest.fetch_statement()
                answers[seen(await ask(honest, ELSEWHERE))] += 1
                await server.control.background.settle()
                assert [number.e164 for number, _ in server.sender.sent[caps.block_unconfirmed.budget :]] == [ELSEWHERE]
        # One answer for all: sent, over the cap, shut out, elsewhere.
        assert list(answers.values()) == [REQUESTS + 1]
        assert "7700900" not in str(log)

    run(main(), patience=300)


def test_across_restarts(tmp_path: Path) -> None:
    """The attacker makes the server crash in between: what is spent stays spent, and the breaker stays shut."""

    async def main() -> None:
        clock, relay, sent = ServerClock(), FakeRelay(), 0
        for seed in range(4):
            async with control_server(tmp_path, clock=clock, relay=relay, seed=seed) as server:
                # Another device each time: ids that were seen before are refused anyway.
                server._seed += seed
                await pump(server, 15)
                sent += len(server.sender.sent)
        assert sent == SmsCaps().block_unconfirmed.budget

    run(main())


def test_patiently(tmp_path: Path) -> None:
    """The attacker comes back every hour for a day: the breaker lets through what its bucket leaks, no more."""

    async def main() -> None:
        cap = SmsCaps().block_unconfirmed
        async with control_server(tmp_path) as server:
            for _ in range(24):
                await pump(server, 12)
                server.clock.seconds += 3600
                await server.control.sweep()
            assert len(server.sender.sent) <= cap.budget + 23 * cap.per_hour

    run(main(), patience=120)


def test_over_many_blocks(tmp_path: Path) -> None:
    """The attacker owns many small ranges: the country's breaker trips, and another country is served."""

    async def main() -> None:
        default = SmsCaps()
        # Blocks of ten numbers stand for the many ranges that the numbers for fiction do not have.
        country = replace(default.country, unconfirmed_budget=30)
        caps = replace(default, block_digits=1, country=country)
        async with control_server(tmp_path, sms_caps=caps) as server:
            await pump(server, 120)
            assert len(server.sender.sent) == country.unconfirmed_budget
            await server.code_for(server.device(ELSEWHERE))
            assert server.sender.sent[-1][0].e164 == ELSEWHERE

    run(main())


def test_one_number_over_and_over(tmp_path: Path) -> None:
    """The attacker wants to annoy one person, and waits until no code is open: the cap for a number counts on."""

    async def main() -> None:
        cap = SmsCaps().number
        async with control_server(tmp_path) as server:
            device = server.device()
            await device.fetch_statement()
            for _ in range(2 * HOUR // LIMITS.code_s):
                await ask(device, ELSEWHERE)
                await server.control.background.settle()
                server.clock.seconds += LIMITS.code_s
                device.nonces.clear()
                await server.control.sweep()
            assert cap.budget <= len(server.sender.sent) <= cap.budget + 2 * cap.per_hour

    run(main())


_PLAIN = SmsCaps()


@pytest.mark.parametrize(
    "caps",
    [
        replace(_PLAIN, block=replace(_PLAIN.block, budget=6)),
        replace(_PLAIN, country=replace(_PLAIN.country, budget=6)),
        replace(_PLAIN, everything=replace(_PLAIN.everything, budget=6)),
    ],
    ids=["block", "country", "everything"],
)
def test_who_confirms_its_own_numbers_is_held_by_the_plain_caps(tmp_path: Path, caps: SmsCaps) -> None:
    """The attacker reads the codes, so that no breaker trips."""

    async def main() -> None:
        async with control_server(tmp_path, sms_caps=caps) as server:
            for number in RANGE[:10]:
                device, before = server.device(number), len(server.sender.sent)
                enrolment = await device.ask_code()
                await server.control.background.settle()
                if len(server.sender.sent) > before:
                    answer = await device.post(api.CONFIRM_PATH, api.Confirm(enrolment, server.sender.code()))
                    assert answer.status == 200
            assert len(server.sender.sent) == 6

    run(main())


def test_with_the_counters_gone(tmp_path: Path) -> None:
    """The attacker finds a way to break the store: then nobody is sent a code, and the answer is the same."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            before = await pump(server, 1)
            async with server.control._spent._database.write() as connection:  # type: ignore[attr-defined]
                await connection.exec_driver_sql("DROP TABLE sms_buckets")
            after = await pump(server, 5)
            assert len(server.sender.sent) == 1
            assert set(before) == set(after)

    run(main())


def test_honest_people_do_not_trip_it(tmp_path: Path) -> None:
    """A company enrols from one block, and most confirm: everybody gets a code."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            for number in RANGE[:50]:
                device = server.device(number)
                enrolment, code = await server.code_for(device)
                if not number.endswith("7"):
                    answer = await device.post(api.CONFIRM_PATH, api.Confirm(enrolment, code))
                    assert answer.status == 200
            assert len(server.sender.sent) == 50

    run(main())
