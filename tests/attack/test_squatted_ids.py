"""Squatted ids: who knows another's device or enrolment id cannot end, replace or read anything with it."""

from pathlib import Path

import pytest

from sayso.protocol import api
from tests.aio import run
from tests.fakes.control_server import control_server

VICTIM, OWN = "+447700900001", "+447700900009"


@pytest.mark.parametrize("first", ["victim", "attacker"])
def test_an_attacker_enrols_an_own_number_with_a_victims_device_id(first: str, tmp_path: Path) -> None:
    """Every contact knows the device id. An enrolment replaces one of the same device: with the same key only."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            victim, attacker = server.device(VICTIM), server.device(OWN)
            attacker.device = victim.device
            if first == "attacker":
                enrolment, code = await server.code_for(attacker)
            own, own_code = await server.code_for(victim)
            assert (await victim.post(api.CONFIRM_PATH, api.Confirm(own, own_code))).status == 200
            if first == "victim":
                sent = len(server.sender.sent)
                enrolment, code = await server.code_for(attacker)
                assert len(server.sender.sent) == sent
            assert (await attacker.post(api.CONFIRM_PATH, api.Confirm(enrolment, code))).problem == "code"
            assert server.relay.ended == []
            assert server.relay.lines[victim.device].ed25519 == victim.public

    run(main())


def test_an_attacker_asks_for_a_code_under_a_victims_enrolment_id(tmp_path: Path) -> None:
    """The id is taken: nothing is replaced, and the victim's code still works."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            victim, attacker = server.device(VICTIM), server.device(OWN)
            enrolment, code = await server.code_for(victim)
            await attacker.ask_code(enrolment)
            await server.control.background.settle()
            assert len(server.sender.sent) == 1
            assert (await attacker.post(api.CONFIRM_PATH, api.Confirm(enrolment, code))).problem == "bad-signature"
            assert (await victim.post(api.CONFIRM_PATH, api.Confirm(enrolment, code))).status == 200

    run(main())


def test_an_attacker_claims_with_a_victims_request_id(tmp_path: Path) -> None:
    """Answers are sealed under device and request id: the attacker gets keys of their own, not the victim's answer."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            victim, attacker = await server.enrolled(VICTIM), await server.enrolled(OWN)
            bob = await server.reachable("+447700900002")
            claim = api.Claim(victim.drawn(), [api.ClaimLine(server.token(bob))])
            answers = [await one.post(api.CLAIM_PATH, claim) for one in (victim, attacker, victim)]
            assert answers[0].body == answers[2].body != answers[1].body
            assert server.relay.lines[bob.device].one_time_keys == 3

    run(main())
