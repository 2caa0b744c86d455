"""The registrar, over the whole application: what depends on the number shows in no answer."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from sayso.protocol import api, tokens
from sayso.protocol.frames import OutcomeState
from sayso.protocol.limits import LIMITS
from sayso.protocol.numbers import PhoneNumber
from tests.aio import run
from tests.fakes.asgi import Answer
from tests.fakes.control_server import ControlServer, control_server
from tests.fakes.control_world import FakeRelay, ServerClock, secrets
from tests.fakes.enrolling_device import EnrollingDevice
from tests.fakes.locking import comes

NUMBER = "+447700900001"
IMPOSSIBLE = ("+4479", "+999123456789", "112", "not a number", "+44 7700 900001", "+1900555010012", "")


def serve(folder: Path, scene: Callable[[ControlServer], Awaitable[None]]) -> None:
    async def main() -> None:
        async with control_server(folder) as server:
            await scene(server)

    run(main())


async def enrol(server: ControlServer, device: EnrollingDevice) -> tuple[bytes, Answer]:
    await device.fetch_statement()
    enrolment = device.drawn()
    answer = await device.post(api.ENROL_PATH, lambda nonce: device.enrol_body(nonce, enrolment))
    await server.control.background.settle()
    return enrolment, answer


def shape(enrolment: bytes, answer: Answer) -> tuple[int, bytes, list[tuple[str, str]]]:
    """An answer without what is fresh in every one: the id that was asked for, and the nonce."""
    pending = msgspec.json.decode(answer.body, type=api.EnrolPending)
    assert pending.id == enrolment
    fields = [(name, "" if name == "replay-nonce" else value) for name, value in answer.fields]
    return answer.status, answer.body.replace(msgspec.json.encode(enrolment), b'""'), fields


def test_the_answer_is_the_same_for_every_number(tmp_path: Path) -> None:
    async def scene(server: ControlServer) -> None:
        good = server.device(NUMBER)
        expected = shape(*await enrol(server, good))
        assert len(server.sender.sent) == 1
        for number in IMPOSSIBLE:
            assert shape(*await enrol(server, server.device(number))) == expected
        assert len(server.sender.sent) == 1, "no SMS goes to what is no number"
        server.sender.down = True
        assert shape(*await enrol(server, server.device("+447700900002"))) == expected
        server.sender.down = False
        await server.enrolled("+447700900003")
        assert shape(*await enrol(server, server.device("+447700900003"))) == expected, "enrolled already"

    serve(tmp_path, scene)


def test_the_answer_does_not_wait_for_the_gateway(tmp_path: Path) -> None:
    async def scene(server: ControlServer) -> None:
        server.sender.hold = asyncio.Event()
        device = server.device(NUMBER)
        await device.fetch_statement()
        answer = await device.post(api.ENROL_PATH, lambda nonce: device.enrol_body(nonce, device.drawn()))
        assert answer.status == 202
        assert server.sender.sent == []
        server.sender.hold.set()
        await server.control.background.settle()
        assert len(server.sender.sent) == 1

    serve(tmp_path, scene)


def test_a_number_gets_three_codes_in_ten_minutes(tmp_path: Path) -> None:
    async def scene(server: ControlServer) -> None:
        answers = [await enrol(server, server.device(NUMBER)) for _ in range(5)]
        assert len({shape(*answer)[1] for answer in answers}) == 1
        assert len(server.sender.sent) == 3
        server.clock.seconds += LIMITS.code_s
        await enrol(server, server.device(NUMBER))
        assert len(server.sender.sent) == 4

    serve(tmp_path, scene)


def test_asking_again_with_the_same_id_sends_no_second_code(tmp_path: Path) -> None:
    async def scene(server: ControlServer) -> None:
        device = server.device(NUMBER)
        enrolment = await device.ask_code()
        await device.ask_code(enrolment)
        await server.control.background.settle()
        assert len(server.sender.sent) == 1
        answer = await device.post(api.CONFIRM_PATH, api.Confirm(enrolment, server.sender.code()))
        assert answer.status == 200

    serve(tmp_path, scene)


def test_the_sms_goes_to_the_number_and_names_the_service(tmp_path: Path) -> None:
    async def scene(server: ControlServer) -> None:
        await enrol(server, server.device(NUMBER))
        ((number, text),) = server.sender.sent
        assert number == PhoneNumber(NUMBER)
        assert text == f"Sayso code: {server.sender.code()}"

    serve(tmp_path, scene)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"epoch": 6}, "epoch"),
        ({"registrar_key_id": 4}, "epoch"),
        ({"sealed_number": bytes(api.SEALED_NUMBER_BYTES)}, "malformed"),
        ({"id": b"x" * 16}, "malformed"),
        ({"consent": {}}, "malformed"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_does_not_fit_the_server_or_the_request_is_refused(
    change: dict[str, object], problem: str, tmp_path: Path
) -> None:
    async def scene(server: ControlServer) -> None:
        device = server.device(NUMBER)
        await device.fetch_statement()
        enrolment = device.drawn()

        def body(nonce: str) -> api.Enrol:
            return msgspec.structs.replace(device.enrol_body(nonce, enrolment), **change)

        assert (await device.post(api.ENROL_PATH, body)).problem == problem
        await server.control.background.settle()
        assert server.sender.sent == []

    serve(tmp_path, scene)


def test_a_number_sealed_for_one_request_does_not_open_for_another(tmp_path: Path) -> None:
    async def scene(server: ControlServer) -> None:
        device = server.device(NUMBER)
        await device.fetch_statement()
        enrolment = device.drawn()
        recorded = device.enrol_body(await device.nonce(), enrolment)
        thief = server.device("+447700900009")
        await thief.fetch_statement()

        def body(nonce: str) -> api.Enrol:
            own = thief.enrol_body(nonce, enrolment)
            return msgspec.structs.replace(own, sealed_number=recorded.sealed_number)

        assert (await thief.post(api.ENROL_PATH, body)).problem == "malformed"
        assert server.sender.sent == []

    serve(tmp_path, scene)


def test_one_answer_for_every_code_that_is_not_right(tmp_path: Path) -> None:
    async def scene(server: ControlServer) -> None:
        device = server.device(NUMBER)
        enrolment, code = await server.code_for(device)
        other = server.device("+447700900002")
        others, others_code = await server.code_for(other)
        wrong = f"{(int(code) + 1) % 10**6:06}"
        answers = [
            await device.post(api.CONFIRM_PATH, api.Confirm(enrolment, wrong)),
            await device.post(api.CONFIRM_PATH, api.Confirm(enrolment, others_code)),
            await device.post(api.CONFIRM_PATH, api.Confirm(device.drawn(), code)),
        ]
        for _ in range(LIMITS.code_tries):
            await other.post(api.CONFIRM_PATH, api.Confirm(others, wrong))
        answers.append(await other.post(api.CONFIRM_PATH, api.Confirm(others, others_code)))
        server.clock.seconds += LIMITS.code_s
        device.nonces.clear()
        answers.append(await device.post(api.CONFIRM_PATH, api.Confirm(enrolment, code)))
        assert len({(answer.status, answer.body) for answer in answers}) == 1
        assert answers[0].problem == "code"
        assert server.relay.lines == {}

    serve(tmp_path, scene)


def test_the_last_try_may_be_the_right_one(tmp_path: Path) -> None:
    async def scene(server: ControlServer) -> None:
        device = server.device(NUMBER)
        enrolment, code = await server.code_for(device)
        wrong = f"{(int(code) + 1) % 10**6:06}"
        for _ in range(LIMITS.code_tries - 1):
            await device.post(api.CONFIRM_PATH, api.Confirm(enrolment, wrong))
        assert (await device.post(api.CONFIRM_PATH, api.Confirm(enrolment, code))).status == 200

    serve(tmp_path, scene)


def test_the_right_code_again_gets_the_same_answer_also_after_a_restart(tmp_path: Path) -> None:
    async def main() -> None:
        clock, relay = ServerClock(), FakeRelay()
        async with control_server(tmp_path, clock=clock, relay=relay) as server:
            device = server.device(NUMBER)
            enrolment, code = await server.code_for(device)
            first = await device.post(api.CONFIRM_PATH, api.Confirm(enrolment, code))
        clock.seconds += 60
        async with control_server(tmp_path, clock=clock, relay=relay, seed=2) as server:
            device.client = server.client
            device.nonces.clear()
            for _ in range(2 * LIMITS.code_tries):
                again = await device.post(api.CONFIRM_PATH, api.Confirm(enrolment, code))
                assert (again.status, again.body) == (200, first.body)
            assert relay.ended == []
            clock.seconds += LIMITS.code_s
            device.nonces.clear()
            late = await device.post(api.CONFIRM_PATH, api.Confirm(enrolment, code))
            assert late.problem == "code"

    run(main())


def test_a_code_is_bound_to_the_device_that_asked(tmp_path: Path) -> None:
    async def scene(server: ControlServer) -> None:
        device, thief = server.device(NUMBER), server.device("+447700900009")
        enrolment, code = await server.code_for(device)
        thief.nonces = [await device.nonce()]
        assert (await thief.post(api.CONFIRM_PATH, api.Confirm(enrolment, code))).problem == "bad-signature"
        assert (await device.post(api.CONFIRM_PATH, api.Confirm(enrolment, code))).status == 200

    serve(tmp_path, scene)


def test_a_new_phone_for_the_number_ends_the_old_ones_enrolment(tmp_path: Path) -> None:
    async def scene(server: ControlServer) -> None:
        old, new = await server.reachable(NUMBER), server.device(NUMBER)
        assert (await comes(server, new))[2].problem == "locked"
        assert server.relay.ended == []
        server.clock.seconds += LIMITS.lock_wait_s
        assert (await comes(server, new))[2].status == 200
        old.nonces.clear()
        assert server.relay.ended == [(old.device, OutcomeState.GONE)]
        assert set(server.relay.lines) == {new.device}
        assert server.token(new) == tokens.token_of(secrets().voprf, 5, PhoneNumber(NUMBER))
        assert (await old.post(api.ME_PATH, api.Empty())).problem == "bad-signature"
        assert await server.control._store.erasures() == []

    serve(tmp_path, scene)


def test_nothing_of_number_or_code_is_logged(tmp_path: Path) -> None:
    async def scene(server: ControlServer) -> None:
        await server.enrolled(NUMBER)
        codes.append(server.sender.code())
        server.sender.down = True
        for number in (*IMPOSSIBLE, "+447700900002"):
            await enrol(server, server.device(number))

    codes: list[str] = []
    with capture_logs() as logs:
        serve(tmp_path, scene)
    assert {log["event"] for log in logs} == {"code sent", "code not sent", "enrolled"}
    text = repr(logs)
    for secret in (NUMBER[1:], "7700900002", *codes, tokens.token_of(secrets().voprf, 5, PhoneNumber(NUMBER)).hex()):
        assert secret not in text
