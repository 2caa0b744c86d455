"""A device's own keys, certificate and statement over weeks."""

from dataclasses import replace

from sayso.phone.core.lines import Device, LineState
from sayso.protocol.api import CERTIFICATE_PATH
from sayso.protocol.limits import DAY, HOUR, LIMITS
from sayso.protocol.statement import Policy
from tests.aio import run
from tests.fakes.phones import ALICE, BOB, Phone, Town


def _device(phone: Phone) -> Device:
    device = phone.service.device
    assert device is not None
    return device


def _trouble(phone: Phone) -> str | None:
    return phone.service.line.trouble


def _key_ids(phone: Phone) -> list[int]:
    return [key.key_id for key in phone.store.lines.envelope_keys(phone.line)]


def test_envelope_keys_turn_and_old_ones_are_destroyed() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            assert _key_ids(alice) == [1]
            first = town.server.enrolments[_device(alice).device].envelope_keys[0]
            await town.pass_time(2 * DAY + HOUR)
            assert _key_ids(alice) == [2, 1]
            assert town.server.enrolments[_device(alice).device].envelope_keys[0].id == 2
            await town.pass_time(13 * DAY)
            assert 1 not in _key_ids(alice)
            assert first.id == 1
            assert len(_key_ids(alice)) <= 8
            assert alice.state is LineState.ON

    run(main())


def test_one_time_keys_are_refilled_when_few_are_left() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
        keys = town.server.enrolments[_device(alice).device].one_time
        while len(keys) > LIMITS.one_time_keys_low - 1:
            keys.popleft()
        used = {key.id for key in keys}
        async with alice.running():
            await town.settle()
            assert len(keys) == LIMITS.one_time_keys
            assert len({key.id for key in keys}) == LIMITS.one_time_keys
            assert used <= {key.id for key in keys}

    run(main())


def test_the_fallback_key_turns_after_ten_days_and_the_one_before_still_opens() -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running(), bob.running():
            await alice.opt_in()
            await bob.opt_in()
            town.server.enrolments[_device(bob).device].one_time.clear()
            before = town.server.enrolments[_device(bob).device].fallback
            town.server.links[_device(bob).device].hang_up()
            sent = alice.send(BOB, "to the old fallback key")
            await town.settle()
            assert alice.state_of(sent) == "accepted"
            with bob.store.transaction("old"):
                bob.store.lines.put_device(replace(_device(bob), fallback_at=town.clock.wall() - 10 * DAY))
            await town.pass_time(60)
            assert town.server.enrolments[_device(bob).device].fallback != before
            assert [row.text for row in bob.texts(ALICE)] == ["to the old fallback key"]

    run(main())


def test_a_certificate_is_renewed_and_a_wrong_one_is_not_taken() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            first = _device(alice).certificate
            await town.pass_time(13 * HOUR)
            second = _device(alice).certificate
            assert second != first
            enrolment = town.server.enrolments[_device(alice).device]
            honest, enrolment.commitment = enrolment.commitment, bytes(32)
            await town.pass_time(13 * HOUR)
            assert _device(alice).certificate == second
            assert _trouble(alice) is not None
            assert alice.state is LineState.ON
            enrolment.commitment = honest
            await town.pass_time(13 * HOUR)
            assert _device(alice).certificate != second
            assert _trouble(alice) is None

    run(main())


def test_another_policy_waits_for_the_owner() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            statement = _device(alice).statement
            town.server.policy = Policy("2", b"2" * 32)
            await town.pass_time(13 * HOUR)
            assert _device(alice).statement == statement
            assert alice.service.line.trouble is not None

    run(main())


def test_a_lost_answer_to_the_renewal_is_asked_for_again() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            first = _device(alice).certificate
            town.server.loses_answers.add(CERTIFICATE_PATH)
            await town.pass_time(14 * HOUR)
            assert _device(alice).certificate != first

    run(main())
