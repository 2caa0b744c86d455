"""Opt-in, step by step, and what stops it."""

import asyncio
import json
from collections.abc import Callable

import msgspec
import pytest

from sayso.consent.receipts import read_receipt
from sayso.consent.records import read_record
from sayso.phone.core.lines import LineState, Step
from sayso.phone.core.texts import Direction
from sayso.phone.errors import CommandError, ProblemError, UnreachableError
from sayso.protocol.api import CONFIRM_PATH, ENROL_PATH, KEYS_PATH, Confirm, Enrolled
from sayso.protocol.errors import CertificateError, SaysoError, StatementError
from sayso.protocol.limits import LIMITS
from sayso.protocol.statement import Policy
from tests.aio import run
from tests.fakes.honest_server import SERVICE_NUMBER, URL
from tests.fakes.phones import ALICE, Phone, Town


async def _opt_in(phone: Phone, *, number: str | None = None, key: bytes | None = None, server: str = URL) -> int:
    return await phone.service.opt_in(
        server=server,
        server_key=key or phone.town.server.digest,
        number=number,
        findable="everyone",
        method="test",
    )


def test_a_yes_before_the_modem_has_spoken_waits_for_the_sims_number() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        alice.boot()
        asked = asyncio.create_task(_opt_in(alice))
        await town.settle()
        assert not asked.done()
        running = asyncio.create_task(alice.service.run())
        assert await asked == LIMITS.code_s
        assert alice.service.line.number == ALICE
        running.cancel()

    run(main())


def test_from_yes_to_on() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            expires = await _opt_in(alice)
            assert expires == LIMITS.code_s
            await town.until(lambda: alice.service.connected)
            line, device = alice.service.line, alice.service.device
            assert line.state is LineState.ON
            assert device is not None
            assert device.step is Step.READY
            consent = alice.store.lines.consent(device.record_id)
            assert consent is not None
            assert consent.receipt is not None
            record = read_record(json.loads(consent.record))
            key = town.server.receipt_key.public_key().public_bytes_raw()
            assert read_receipt(json.loads(consent.receipt), receipt_key=key).record_sha256 == record.digest
            enrolment = town.server.enrolments[device.device]
            assert len(enrolment.one_time) == LIMITS.one_time_keys
            assert enrolment.fallback is not None
            assert len(enrolment.envelope_keys) == 1
            assert enrolment.grant_hash
            # The code's SMS is no message.
            assert alice.texts() == []
            assert alice.modem.stored == {}

    run(main())


def test_nothing_is_sent_before_the_yes_is_durable() -> None:
    class StopError(Exception):
        pass

    def stop_at_consent(name: str, side: str) -> None:
        if (name, side) == ("consent-given", "before"):
            raise StopError

    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE, boundary=stop_at_consent)
        async with alice.running():
            with pytest.raises(StopError):
                await _opt_in(alice)
            assert alice.state is LineState.OFF
            assert alice.service.device is None
            assert not town.server.pending

    run(main())


def _other_policy(town: Town, _: Phone) -> None:
    town.server.policy = Policy("2", b"2" * 32)


def _off(town: Town, _: Phone) -> None:
    town.server.off = True


@pytest.mark.parametrize(("spoil", "error"), [(_other_policy, CommandError), (_off, UnreachableError)])
def test_what_stops_it_leaves_the_line_off(spoil: Callable[[Town, Phone], None], error: type[SaysoError]) -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            spoil(town, alice)
            with pytest.raises(error):
                await _opt_in(alice)
            assert alice.state is LineState.OFF
            assert alice.service.device is None
            assert not town.server.pending

    run(main())


def test_another_server_than_the_one_agreed_to_is_told_nothing() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            with pytest.raises(StatementError):
                await _opt_in(alice, key=b"x" * 32)
            assert alice.state is LineState.OFF
            assert not town.server.pending

    run(main())


@pytest.mark.parametrize("server", ["ftp://127.0.0.1", "http://", "not an address", "http://me:secret@127.0.0.1"])
def test_an_address_that_is_none(server: str) -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            with pytest.raises(SaysoError):
                await _opt_in(alice, server=server)
            assert alice.state is LineState.OFF

    run(main())


def test_twice_at_once_is_refused() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            with pytest.raises(CommandError):
                await _opt_in(alice)
            assert alice.state is LineState.ON

    run(main())


def test_a_wrong_code_leaves_room_for_the_right_one() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        town.network.loses = True
        async with alice.running():
            await _opt_in(alice)
            with pytest.raises(CommandError):
                await alice.service.enter_code("000000")
            assert alice.service.device is not None
            assert alice.service.device.step is Step.CODE_WANTED
            (pending,) = town.server.pending.values()
            await alice.service.enter_code(pending.code)
            await town.until(lambda: alice.state is LineState.ON)

    run(main())


def test_a_false_code_by_sms_is_shown_as_trouble_and_the_right_one_still_works() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        town.network.loses = True
        async with alice.running():
            await _opt_in(alice)
            town.network.loses = False
            town.network.inject(SERVICE_NUMBER, ALICE, "Sayso code: 000000")
            await town.settle()
            assert alice.service.line.trouble is not None
            (pending,) = town.server.pending.values()
            town.network.inject(SERVICE_NUMBER, ALICE, f"Sayso code: {pending.code}")
            await town.until(lambda: alice.state is LineState.ON)
            assert alice.service.line.trouble is None

    run(main())


def test_another_services_code_stays_a_message() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        town.network.loses = True
        async with alice.running():
            await _opt_in(alice)
            town.network.loses = False
            town.network.inject("Bank", ALICE, "Your bank says: 123456 is your code")
            await town.settle()
            assert [(row.direction, row.number) for row in alice.texts()] == [(Direction.IN, "Bank")]
            assert alice.service.device is not None
            assert alice.service.device.step is Step.CODE_WANTED

    run(main())


def test_a_code_that_never_comes_ends_it() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        town.network.loses = True
        async with alice.running():
            await _opt_in(alice)
            await town.pass_time(LIMITS.code_s + 1)
            assert alice.state is LineState.OFF
            assert alice.service.line.trouble is not None
            assert alice.service.device is None

    run(main())


@pytest.mark.parametrize("path", [CONFIRM_PATH, KEYS_PATH])
def test_a_lost_answer_is_asked_for_again(path: str) -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        town.server.loses_answers.add(path)
        async with alice.running():
            await _opt_in(alice)
            await town.pass_time(30)
            assert alice.state is LineState.ON

    run(main())


def test_a_lost_answer_to_the_first_request_leaves_the_line_off() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        town.server.loses_answers.add(ENROL_PATH)
        async with alice.running():
            with pytest.raises(UnreachableError):
                await _opt_in(alice)
            assert alice.state is LineState.OFF

    run(main())


def test_the_code_expires_across_a_restart() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        town.network.loses = True
        async with alice.running():
            await _opt_in(alice)
        await town.clock.advance(LIMITS.code_s + 1)
        async with alice.running():
            await town.settle()
            assert alice.state is LineState.OFF

    run(main())


def test_opt_out_while_the_code_is_on_its_way() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        town.network.loses = True
        async with alice.running():
            await _opt_in(alice)
            left = await alice.service.opt_out()
            assert not left.erased
            assert left.outlives
            assert alice.state is LineState.OFF
            await town.pass_time(3600)
            assert alice.state is LineState.OFF

    run(main())


def test_a_certificate_about_another_number_is_refused() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        town.network.loses = True
        async with alice.running():
            await _opt_in(alice)
            (pending,) = town.server.pending.values()
            pending.salt = bytes(32)
            with pytest.raises(CertificateError):
                await alice.service.enter_code(pending.code)
            await town.settle()
            assert alice.state is LineState.OFF

    run(main())


def test_a_token_that_the_voprf_does_not_give_is_refused() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        town.network.loses = True
        async with alice.running():
            await _opt_in(alice)
            (pending,) = town.server.pending.values()
            honest = town.server.confirm

            def lie(body: Confirm) -> Enrolled:
                answer = honest(body)
                (enrolment,) = town.server.enrolments.values()
                enrolment.token = enrolment.token[:1] + bytes(32)
                return msgspec.structs.replace(answer, certificate=town.server.certificate(enrolment))

            town.server.confirm = lie  # type: ignore[method-assign]  # this server lies
            await alice.service.enter_code(pending.code)
            await town.settle()
            assert alice.state is LineState.OFF
            assert alice.service.line.trouble is not None

    run(main())


def test_a_number_that_the_sim_does_not_tell_has_to_be_said() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        alice.modem = town.network.modem(ALICE, tells_number=False)
        async with alice.running():
            with pytest.raises(CommandError):
                await _opt_in(alice)
            await _opt_in(alice, number="+44 7700 900101")
            assert alice.service.line.number == ALICE

    run(main())


def test_a_refusal_for_good_is_told() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)

        def refuse(*_: object) -> None:
            raise ProblemError("limit", "Too many.", retry_after_s=60)

        town.server.enrol = refuse  # type: ignore[method-assign, assignment]  # this server refuses
        async with alice.running():
            with pytest.raises(ProblemError):
                await _opt_in(alice)
            assert alice.state is LineState.OFF

    run(main())


def test_no_code_is_taken_when_none_is_wanted() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            with pytest.raises(CommandError):
                await alice.service.enter_code("123456")

    run(main())


def test_an_opt_in_that_is_cancelled_can_be_repeated() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            async with asyncio.TaskGroup() as tasks:
                asking = tasks.create_task(_opt_in(alice))
                await asyncio.sleep(0)
                asking.cancel()
            await town.until(lambda: alice.state is LineState.ON)

    run(main())
