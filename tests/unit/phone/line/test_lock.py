"""The registration lock on phones: two of them, one number, a SIM that changes hands."""

import pytest

from sayso.phone.core.lines import LineState, Step
from sayso.phone.core.lock import LockState
from sayso.phone.errors import CommandError
from sayso.phone.line.lock import NEWCOMER
from sayso.phone.line.waiting import LOCKED
from sayso.protocol import api
from sayso.protocol.errors import PinError
from sayso.protocol.limits import DAY, LIMITS
from tests.aio import run
from tests.fakes.honest_server import URL
from tests.fakes.locking_server import LockingTown
from tests.fakes.phones import ALICE, Phone

PIN = "271828"


def lock_of(phone: Phone) -> LockState:
    return phone.store.locks.get(phone.line)


def step_of(phone: Phone) -> Step | None:
    device = phone.service.device
    return None if device is None else device.step


def is_on(phone: Phone) -> bool:
    return phone.state is LineState.ON


def trouble_of(phone: Phone) -> str | None:
    return phone.service.line.trouble


def waited_for(town: LockingTown) -> bool:
    return bool(town.locks.newcomers)


async def comes(town: LockingTown, phone: Phone) -> None:
    """Opt in, until the phone is told that the number is locked."""
    await phone.service.opt_in(
        server=URL, server_key=town.server.digest, number=None, findable="everyone", method="test"
    )
    await town.until(lambda: step_of(phone) is Step.LOCKED)


async def let_days_pass(town: LockingTown, days: float) -> None:
    await town.pass_time(days * DAY)


def test_a_locked_number_is_waited_for_and_then_comes_by_itself_with_a_new_code() -> None:
    async def main() -> None:
        town = LockingTown()
        old = town.phone(ALICE)
        async with old.running():
            await old.opt_in()
            new = town.move_sim(old)
            async with new.running():
                await comes(town, new)
                assert trouble_of(new) == LOCKED
                assert lock_of(new).waits_until == town.clock.wall() + 7 * DAY
                codes = len(town.network.accepted)
                await let_days_pass(town, 6.9)
                assert step_of(new) is Step.LOCKED
                assert len(town.network.accepted) == codes, "nothing is asked meanwhile"
                assert is_on(old)
                await let_days_pass(town, 0.2)
                await town.until(lambda: new.service.connected)
                assert is_on(new)
                assert trouble_of(new) is None
                assert lock_of(new) == LockState(line=new.line)
                await let_days_pass(town, 0.1)
                assert not is_on(old), "its enrolment has ended"

    run(main())


def test_the_wait_goes_on_across_restarts() -> None:
    async def main() -> None:
        town = LockingTown()
        old = town.phone(ALICE)
        async with old.running():
            await old.opt_in()
            new = town.move_sim(old)
            async with new.running():
                await comes(town, new)
            await town.clock.advance(3 * DAY)
            async with new.running():
                assert step_of(new) is Step.LOCKED
            await town.clock.advance(5 * DAY)
            async with new.running():
                await town.until(lambda: new.service.connected)

    run(main())


def test_the_holder_is_told_at_once_and_refuses_with_the_code_that_comes() -> None:
    async def main() -> None:
        town = LockingTown()
        old = town.phone(ALICE)
        async with old.running():
            await old.opt_in()
            new = town.move_sim(old)
            async with new.running():
                await comes(town, new)
                await town.settle()
                assert trouble_of(old) == NEWCOMER
                assert lock_of(old).newcomer_until == town.clock.wall() + 7 * DAY
                town.move_sim_back(old, new)
                expires = await old.service.lock.ask_code()
                assert expires == LIMITS.code_s
                await town.until(lambda: not waited_for(town))
                await town.settle()
                assert lock_of(old) == LockState(line=old.line)
                assert trouble_of(old) is None
                assert is_on(old)
                assert old.texts() == [], "the code is no message"

    run(main())


def test_a_refusal_by_a_typed_code() -> None:
    async def main() -> None:
        town = LockingTown()
        old = town.phone(ALICE)
        async with old.running():
            await old.opt_in()
            with pytest.raises(CommandError, match="no code was asked for"):
                await old.service.lock.refuse("123456")
            new = town.move_sim(old)
            async with new.running():
                await comes(town, new)
                town.network.loses = True
                await old.service.lock.ask_code()
                with pytest.raises(CommandError, match="code is wrong"):
                    await old.service.lock.refuse("000000")
                pending = town.server.pending[lock_of(old).refusal_id]
                await old.service.lock.refuse(pending.code)
                assert not waited_for(town)

    run(main())


def test_the_holder_delays_with_the_pin() -> None:
    async def main() -> None:
        town = LockingTown()
        old = town.phone(ALICE)
        async with old.running():
            await old.opt_in()
            await old.service.lock.set_pin(PIN)
            assert lock_of(old).pin_set
            new = town.move_sim(old)
            async with new.running():
                await comes(town, new)
                await town.settle()
                with pytest.raises(CommandError, match="PIN is wrong"):
                    await old.service.lock.delay("000000")
                await old.service.lock.delay(PIN)
                assert lock_of(old).newcomer_until == town.clock.wall() + 37 * DAY
                await let_days_pass(town, 7.5)
                assert step_of(new) is Step.LOCKED, "it asked again after seven days, and waits on"
                assert lock_of(new).waits_until == pytest.approx(town.clock.wall() + 29.5 * DAY, abs=60)
                with pytest.raises(CommandError, match="PIN can be changed after"):
                    await old.service.lock.set_pin("1234")

    run(main())


def test_the_pin_opens_the_number_to_the_new_phone_at_once() -> None:
    async def main() -> None:
        town = LockingTown()
        old = town.phone(ALICE)
        async with old.running():
            await old.opt_in()
            await old.service.lock.set_pin(PIN)
            new = town.move_sim(old)
            async with new.running():
                await comes(town, new)
                assert lock_of(new).pin_tries == LIMITS.pin_tries
                with pytest.raises(CommandError, match="9 tries are left"):
                    await new.service.lock.enter_pin("000000")
                assert step_of(new) is Step.LOCKED
                with pytest.raises(PinError):
                    await new.service.lock.enter_pin("12")
                await new.service.lock.enter_pin(PIN)
                await town.until(lambda: new.service.connected)
                assert lock_of(new) == LockState(line=new.line, pin_set=True), "it is this phone's PIN now"
                assert town.locks.tried == 2

    run(main())


def test_a_pin_that_is_entered_after_the_code_has_expired_is_tried_with_a_new_one() -> None:
    async def main() -> None:
        town = LockingTown()
        old = town.phone(ALICE)
        async with old.running():
            await old.opt_in()
            await old.service.lock.set_pin(PIN)
            new = town.move_sim(old)
            async with new.running():
                await comes(town, new)
                await let_days_pass(town, 2)
                town.locks.expire_codes()
                await new.service.lock.enter_pin(PIN)
                await town.until(lambda: new.service.connected)
                assert town.locks.tried == 1

    run(main())


def test_where_the_code_for_a_pin_does_not_come_the_wait_goes_on() -> None:
    async def main() -> None:
        town = LockingTown()
        old = town.phone(ALICE)
        async with old.running():
            await old.opt_in()
            await old.service.lock.set_pin(PIN)
            new = town.move_sim(old)
            async with new.running():
                await comes(town, new)
                until = lock_of(new).waits_until
                await let_days_pass(town, 2)
                town.network.loses = True
                await new.service.lock.enter_pin(PIN)
                await town.pass_time(LIMITS.code_s + 1)
                assert step_of(new) is Step.LOCKED
                assert lock_of(new).waits_until == until
                assert lock_of(new).pin is None
                town.network.loses = False
                await let_days_pass(town, 5.1)
                await town.until(lambda: new.service.connected)

    run(main())


@pytest.mark.parametrize("path", [api.TRY_PIN_PATH, api.CONFIRM_PATH])
def test_a_lost_answer_costs_no_second_try_once_the_pin_was_evaluated(path: str) -> None:
    async def main() -> None:
        town = LockingTown()
        old = town.phone(ALICE)
        async with old.running():
            await old.opt_in()
            await old.service.lock.set_pin(PIN)
            new = town.move_sim(old)
            async with new.running():
                await comes(town, new)
                town.server.loses_answers.add(path)
                with pytest.raises(Exception, match="lost"):
                    await new.service.lock.enter_pin(PIN)
                await town.pass_time(60)
                await town.until(lambda: new.service.connected)
                assert town.locks.tried == (2 if path == api.TRY_PIN_PATH else 1)

    run(main())


def test_no_pin_is_asked_where_there_is_none_or_nobody_waits() -> None:
    async def main() -> None:
        town = LockingTown()
        old = town.phone(ALICE)
        async with old.running():
            with pytest.raises(CommandError, match="not on"):
                await old.service.lock.set_pin(PIN)
            await old.opt_in()
            with pytest.raises(CommandError, match="does not wait"):
                await old.service.lock.enter_pin(PIN)
            new = town.move_sim(old)
            async with new.running():
                await comes(town, new)
                with pytest.raises(CommandError, match="no PIN can be entered"):
                    await new.service.lock.enter_pin(PIN)
                with pytest.raises(CommandError, match="not on"):
                    await new.service.lock.set_pin(PIN)

    run(main())


def test_opting_out_while_waiting_has_the_server_forget_it() -> None:
    async def main() -> None:
        town = LockingTown()
        old = town.phone(ALICE)
        async with old.running():
            await old.opt_in()
            new = town.move_sim(old)
            async with new.running():
                await comes(town, new)
                left = await new.service.opt_out()
                assert not left.erased
                assert not any("waits" in one for one in left.outlives)
                assert not waited_for(town)
                assert new.state is LineState.OFF
                assert lock_of(new) == LockState(line=new.line)
                await comes(town, new)
                town.server.off = True
                left = await new.service.opt_out()
                assert any("44 days" in one for one in left.outlives)
                assert new.state is LineState.OFF

    run(main())


def test_the_pin_is_changed_and_removed() -> None:
    async def main() -> None:
        town = LockingTown()
        old = town.phone(ALICE)
        async with old.running():
            await old.opt_in()
            await old.service.lock.set_pin(PIN)
            (first,) = town.locks.pins.values()
            await old.service.lock.set_pin("1234")
            (second,) = town.locks.pins.values()
            assert first.verifier != second.verifier
            await old.service.lock.set_pin(None)
            assert not town.locks.pins
            assert not lock_of(old).pin_set

    run(main())
