"""Code guessing: whoever enrols somebody else's number has five guesses, however they are made."""

import asyncio
from pathlib import Path

from sayso.protocol import api
from sayso.protocol.limits import LIMITS
from tests.aio import run
from tests.fakes.control_server import ControlServer, control_server
from tests.fakes.control_world import FakeRelay, ServerClock
from tests.fakes.enrolling_device import EnrollingDevice
from tests.fakes.locking import comes

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


async def with_nonces(server: ControlServer, device: EnrollingDevice, count: int) -> None:
    """Give a device fresh nonces for so many requests at once."""
    device.nonces = [(await server.client.request("GET", "/", [])).field(api.REPLAY_NONCE) or "" for _ in range(count)]


def test_the_right_code_ten_times_at_once_enrols_once(tmp_path: Path) -> None:
    """All ten hear of one enrolment, by the very same receipt: none of them began another, or ended the first."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            device = server.device(VICTIM)
            enrolment, code = await server.code_for(device)
            await with_nonces(server, device, 10)
            body = api.Confirm(enrolment, code)
            answers = await asyncio.gather(*(device.post(api.CONFIRM_PATH, body) for _ in range(10)))
            told = {(answer.status, answer.body) for answer in answers if answer.problem is None}
            assert len(told) == 1
            # A guess that came while five were under way found no try left; nothing else is refused.
            assert {answer.problem for answer in answers} <= {None, "code"}
            assert server.relay.ended == []
            assert (await server.control.counts()).enrolments == 1

    run(main())


def test_one_code_refuses_one_newcomer_and_is_used_up(tmp_path: Path) -> None:
    """The holder's code, sent ten times at once to refuse a newcomer and to enrol anew: it does one thing, once."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            holder = await server.enrolled(VICTIM)
            assert (await comes(server, server.device(VICTIM)))[2].problem == "locked"
            holder.nonces.clear()
            enrolment, code = await server.code_for(holder)
            await with_nonces(server, holder, 4)
            body = api.RefuseNewcomer(enrolment, code)
            answers = await asyncio.gather(*(holder.post(api.REFUSE_PATH, body) for _ in range(4)))
            assert sorted(str(answer.problem) for answer in answers) == ["None", "code", "code", "code"]
            holder.nonces.clear()
            assert (await holder.post(api.CONFIRM_PATH, api.Confirm(enrolment, code))).problem is not None
            assert server.relay.ended == []

    run(main())
