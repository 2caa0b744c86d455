"""Replay of signed requests: whoever records one, at a proxy or on a plain connection, can do nothing with it."""

import asyncio
from pathlib import Path

import msgspec

from sayso.protocol import api
from tests.aio import run
from tests.fakes.control_server import control_server

NUMBER, OTHER = "+447700900001", "+447700900002"


def test_a_recorded_request_is_sent_again(tmp_path: Path) -> None:
    """Sent again as it was: the nonce is used up, nothing is done twice."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            device = await server.enrolled(NUMBER)
            body = msgspec.json.encode(api.SetGrant(b"1" * 32))
            recorded = device.fields(api.GRANT_PATH, body, await device.nonce())
            assert (await device.send(api.GRANT_PATH, recorded, body)).status == 200
            await device.post(api.GRANT_PATH, api.SetGrant(b"2" * 32))
            again = await server.client.request("POST", api.GRANT_PATH, list(recorded.items()), body)
            assert again.problem == "bad-nonce"
            assert server.relay.lines[device.device].grant_hash == b"2" * 32

    run(main())


def test_a_recorded_request_races_the_first_one(tmp_path: Path) -> None:
    """Sent twenty times at once: one is served."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            device, bob = await server.enrolled(NUMBER), await server.reachable(OTHER)
            body = msgspec.json.encode(api.Claim(device.drawn(), [api.ClaimLine(server.token(bob))]))
            recorded = list(device.fields(api.CLAIM_PATH, body, await device.nonce()).items())
            answers = await asyncio.gather(
                *(server.client.request("POST", api.CLAIM_PATH, recorded, body) for _ in range(20))
            )
            assert sorted(answer.status for answer in answers) == [200] + [400] * 19
            assert server.relay.lines[bob.device].one_time_keys == 4

    run(main())


def test_a_recorded_enrolment_is_sent_again_after_the_person_left(tmp_path: Path) -> None:
    """The sealed number is bound to the nonce, the request to its use: nobody is enrolled, no SMS is sent."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            device = server.device(NUMBER)
            await device.fetch_statement()
            nonce = await device.nonce()
            body = msgspec.json.encode(device.enrol_body(nonce, device.drawn()))
            recorded = device.fields(api.ENROL_PATH, body, nonce)
            assert (await device.send(api.ENROL_PATH, recorded, body)).status == 202
            await server.control.background.settle()
            again = await server.client.request("POST", api.ENROL_PATH, list(recorded.items()), body)
            assert again.problem == "bad-nonce"
            fresh = device.fields(api.ENROL_PATH, body, await device.nonce())
            assert (await device.send(api.ENROL_PATH, fresh, body)).problem == "malformed"
            await server.control.background.settle()
            assert len(server.sender.sent) == 1

    run(main())


def test_a_recorded_withdrawal_does_not_end_a_later_enrolment(tmp_path: Path) -> None:
    """The person left and came back with a new device; the old no is played to the server again."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            old = await server.enrolled(NUMBER)
            body = msgspec.json.encode(old.withdrawal())
            recorded = list(old.fields(api.WITHDRAW_PATH, body, await old.nonce()).items())
            assert (await server.client.request("POST", api.WITHDRAW_PATH, recorded, body)).status == 200
            new = await server.enrolled(NUMBER)
            again = await server.client.request("POST", api.WITHDRAW_PATH, recorded, body)
            assert again.problem == "bad-nonce"
            assert new.device in server.relay.lines

    run(main())
