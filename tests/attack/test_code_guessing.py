"""Code guessing: whoever enrols somebody else's number has five guesses, however they are made."""

import asyncio
from pathlib import Path

from sayso.protocol import api
from sayso.protocol.limits import LIMITS
from tests.aio import run
from tests.fakes.control_server import ControlServer, control_server
from tests.fakes.control_world import FakeRelay, ServerClock
from tests.fakes.enrolling_device import EnrollingDevice

VICTIM = "+447700900001"


def wrong(code: str, step: int) -> str:
    return f"{(int(code) + step) % 10**LIMITS.code_digits:0{LIMITS.code_digits}d}"


async def guess(device: EnrollingDevice, enrolment: bytes, code: str) -> str | None:
    answer = await device.post(api.CONFIRM_PATH, api.Confirm(enrolment, code))
    return answer.problem


def nothing_was_won(server: ControlServer) -> bool:
    return server.relay.lines == {}


def test_guesses_one_after_the_other(tmp_path: Path) -> None:
    """The attacker guesses wrong five times, then right: refused, by the same answer."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            attacker = server.device(VICTIM)
            enrolment, code = await server.code_for(attacker)
            answers = [await guess(attacker, enrolment, wrong(code, step)) for step in range(1, 6)]
            answers.append(await guess(attacker, enrolment, code))
            assert answers == ["code"] * 6
            assert nothing_was_won(server)

    run(main())


def test_guesses_in_parallel(tmp_path: Path) -> None:
    """The attacker sends forty guesses at once, over connections of their own: five are compared, not one more."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            attacker = server.device(VICTIM)
            enrolment, code = await server.code_for(attacker)
            for _ in range(40):
                attacker.nonces.append(
                    (await server.device().post_raw(api.ME_PATH, b"{}", "x" * 22)).field(api.REPLAY_NONCE) or ""
                )
            answers = await asyncio.gather(*(guess(attacker, enrolment, wrong(code, step)) for step in range(1, 41)))
            assert set(answers) == {"code"}
            pending = await server.control._store.pending(enrolment, now=server.clock.running())  # type: ignore[arg-type]
            assert pending is not None
            assert pending.tries_left == 0
            assert await guess(attacker, enrolment, code) == "code"
            assert nothing_was_won(server)

    run(main())


def test_guesses_across_restarts(tmp_path: Path) -> None:
    """The attacker makes the server crash between guesses: tries that were taken stay taken."""

    async def main() -> None:
        clock, relay = ServerClock(), FakeRelay()
        async with control_server(tmp_path, clock=clock, relay=relay) as server:
            attacker = server.device(VICTIM)
            enrolment, code = await server.code_for(attacker)
            assert await guess(attacker, enrolment, wrong(code, 1)) == "code"
        for seed in range(2, 6):
            async with control_server(tmp_path, clock=clock, relay=relay, seed=seed) as server:
                attacker.client = server.client
                attacker.nonces.clear()
                assert await guess(attacker, enrolment, wrong(code, seed)) == "code"
        async with control_server(tmp_path, clock=clock, relay=relay, seed=6) as server:
            attacker.client = server.client
            attacker.nonces.clear()
            assert await guess(attacker, enrolment, code) == "code"
            assert nothing_was_won(server)

    run(main())


def test_a_code_of_one_enrolment_for_another(tmp_path: Path) -> None:
    """The attacker asks a code for a number of their own, and uses it for an enrolment of the victim's number."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            attacker = server.device(VICTIM)
            enrolment, _ = await server.code_for(attacker)
            attacker.number = "+447700900009"
            own, code = await server.code_for(attacker)
            assert own != enrolment
            assert await guess(attacker, enrolment, code) == "code"
            assert nothing_was_won(server)

    run(main())
