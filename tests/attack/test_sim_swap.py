"""SIM swap: whoever holds the SIM for a while, or a copy of the codes, wants the line of its owner."""

from pathlib import Path

import pytest

from sayso.protocol import api
from sayso.protocol.frames import OutcomeState
from sayso.protocol.limits import DAY, LIMITS
from tests.aio import run
from tests.fakes.asgi import Answer
from tests.fakes.control_server import ControlServer, control_server
from tests.fakes.control_world import FakeRelay, ServerClock
from tests.fakes.enrolling_device import EnrollingDevice
from tests.fakes.locking import comes, delay, enter_pin, lock_in, refuse, set_pin

VICTIM = "+447700900001"
PIN = "271828"


async def keep_awake(server: ControlServer, holder: EnrollingDevice, days: float) -> None:
    """The owner's phone stays in touch while time passes."""
    whole, rest = divmod(days, 1)
    for step in [1.0] * int(whole) + [rest]:
        server.clock.seconds += step * DAY
        holder.nonces.clear()
        assert (await holder.post(api.CERTIFICATE_PATH, api.Empty())).status == 200


def nothing_was_won(server: ControlServer, holder: EnrollingDevice) -> bool:
    return server.relay.ended == [] and set(server.relay.lines) == {holder.device}


def test_the_sim_alone_gets_nothing_for_seven_days(tmp_path: Path) -> None:
    """The thief confirms codes as often as they like: the line stays the owner's, whose device is told."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            owner, thief = await server.reachable(VICTIM), server.device(VICTIM)
            for day in range(7):
                _, _, answer = await comes(server, thief)
                assert answer.problem == "locked"
                assert lock_in(answer) == api.Lock(wait_s=(7 - day) * DAY, pin_tries=0)
                assert answer.field("Retry-After") == str((7 - day) * DAY)
                assert server.relay.lines[owner.device].newcomer_until is not None
                assert nothing_was_won(server, owner)
                for path, body in ((api.ME_PATH, api.Empty()), (api.KEYS_PATH, api.PublishKeys())):
                    assert (await thief.post(path, body)).problem == "bad-signature"
                await keep_awake(server, owner, 1)
            server.clock.seconds -= 1
            assert (await comes(server, thief))[2].problem == "locked"

    run(main())


def test_the_owner_who_has_the_sim_back_refuses_and_the_thief_begins_anew(tmp_path: Path) -> None:
    """On the sixth day a fresh code reaches the owner's device. The thief's seven days are lost."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            owner, thief = await server.reachable(VICTIM), server.device(VICTIM)
            await comes(server, thief)
            await keep_awake(server, owner, 6)
            assert (await refuse(server, owner)).status == 200
            assert server.relay.lines[owner.device].newcomer_until is None
            await keep_awake(server, owner, 2)
            _, _, answer = await comes(server, thief)
            assert lock_in(answer).wait_s == 7 * DAY
            assert nothing_was_won(server, owner)

    run(main())


def test_with_a_pin_the_owner_gains_thirty_days_and_the_thief_needs_37(tmp_path: Path) -> None:
    """The SIM is still stolen; the PIN, said once or a hundred times, gives time to get it back."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            owner, thief = await server.reachable(VICTIM), server.device(VICTIM)
            assert (await set_pin(owner, PIN)).status == 200
            await comes(server, thief)
            await keep_awake(server, owner, 5)
            for _ in range(3):
                answer = await delay(owner, PIN)
                assert (answer.status, answer.body) == (200, f'{{"wait_s":{32 * DAY}}}'.encode())
            await keep_awake(server, owner, 31.5)
            _, _, answer = await comes(server, thief)
            assert (answer.problem, lock_in(answer).wait_s) == ("locked", DAY // 2)
            assert nothing_was_won(server, owner)

    run(main())


def test_who_gets_the_number_in_the_end_gets_no_old_message_and_the_owners_device_is_out(tmp_path: Path) -> None:
    """After the wait the number is the carrier's word. What had waited is gone before, and its senders are told."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            owner, thief = await server.reachable(VICTIM), server.device(VICTIM)
            server.relay.waiting[owner.device] = (3, 6144)
            await comes(server, thief)
            await keep_awake(server, owner, 7)
            assert (await comes(server, thief))[2].status == 200
            assert server.relay.ended == [(owner.device, OutcomeState.GONE)]
            assert set(server.relay.lines) == {thief.device}
            assert server.relay.lines[thief.device].one_time_keys == 0
            assert await server.relay.holdings(thief.device) == (0, 0)
            owner.nonces.clear()
            assert (await owner.post(api.ME_PATH, api.Empty())).problem == "bad-signature"

    run(main())


def test_a_sim_held_for_an_hour_is_of_no_use_a_week_later(tmp_path: Path) -> None:
    """The thief's claim waits; the code that would complete it goes to the owner's SIM."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            owner, thief = await server.reachable(VICTIM), server.device(VICTIM)
            enrolment, code, _ = await comes(server, thief)
            await keep_awake(server, owner, 7)
            thief.nonces.clear()
            assert (await thief.post(api.CONFIRM_PATH, api.Confirm(enrolment, code))).problem == "code"
            fresh = await thief.ask_code()
            await server.control.background.settle()
            guess = f"{(int(server.sender.code()) + 1) % 10**6:06}"
            assert (await thief.post(api.CONFIRM_PATH, api.Confirm(fresh, guess))).problem == "code"
            assert nothing_was_won(server, owner)

    run(main())


def test_a_thief_cannot_refuse_delay_cancel_or_set_a_pin_for_the_owner(tmp_path: Path) -> None:
    """Everything of the holder's is signed by the holder's device, and the code it uses was asked for by it."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            owner, newcomer = await server.reachable(VICTIM), server.device(VICTIM)
            stranger = await server.enrolled("+447700900009")
            await comes(server, newcomer)
            waiting = server.relay.lines[owner.device].newcomer_until
            bodies: list[tuple[str, object]] = [
                (api.DELAY_PATH, api.DelayNewcomer(bytes(32))),
                (api.PIN_PATH, api.SetPin(None)),
                (api.REFUSE_PATH, api.RefuseNewcomer(b"r" * 16, "123456")),
            ]
            for path, body in bodies:
                assert (await newcomer.post(path, body)).problem == "bad-signature"  # type: ignore[arg-type]
            assert (await stranger.post(api.CANCEL_PATH, api.Empty())).problem == "bad-signature"
            # A code for the victim's number, asked for by the stranger's own enrolled device.
            stranger.number = VICTIM
            assert (await refuse(server, stranger)).problem == "code"
            assert server.relay.lines[owner.device].newcomer_until == waiting

    run(main())


@pytest.mark.parametrize("asleep", [False, True])
def test_the_wait_is_kept_across_restarts_and_for_a_sleeping_phone(asleep: bool, tmp_path: Path) -> None:  # noqa: FBT001  a parameter of the test
    """The thief makes the server crash, or comes while the owner's phone is off: the wait is the same."""

    async def main() -> None:
        clock, relay = ServerClock(), FakeRelay()
        async with control_server(tmp_path, clock=clock, relay=relay) as server:
            owner, thief = await server.reachable(VICTIM), server.device(VICTIM)
            if asleep:
                clock.seconds += LIMITS.lease_s + DAY
            assert lock_in((await comes(server, thief))[2]).wait_s == 7 * DAY
        for day in range(1, 7):
            clock.seconds += DAY
            async with control_server(tmp_path, clock=clock, relay=relay, seed=day + 1) as server:
                thief.client = server.client
                _, _, answer = await comes(server, thief)
                assert (answer.problem, lock_in(answer).wait_s) == ("locked", (7 - day) * DAY)
                assert nothing_was_won(server, owner)

    run(main())


def test_nothing_about_the_number_is_answered_before_its_code_is_confirmed(tmp_path: Path) -> None:
    """Free, locked, locked with a PIN, asleep, waited for: byte-identical answers to everything but the right code."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            numbers = [f"+44770090000{last}" for last in range(1, 6)]
            await server.reachable(numbers[4])
            server.clock.seconds += LIMITS.lease_s + 1
            await server.reachable(numbers[1])
            await set_pin(await server.reachable(numbers[2]), PIN)
            await server.reachable(numbers[3])
            await comes(server, server.device(numbers[3]))
            seen = {await answers(server, number) for number in numbers}
            assert len(seen) == 1

    async def answers(server: ControlServer, number: str) -> tuple[tuple[int, bytes], ...]:
        device = server.device(number)
        device.nonces.clear()
        enrolment, code = await server.code_for(device)
        wrong = f"{(int(code) + 1) % 10**6:06}"
        element = bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")
        got: list[Answer] = [
            await device.post(api.CONFIRM_PATH, api.Confirm(enrolment, wrong)),
            await device.post(api.CONFIRM_PATH, api.Confirm(enrolment, wrong, bytes(32))),
            await device.post(api.TRY_PIN_PATH, api.TryPin(enrolment, wrong, element)),
            await device.post(api.CONFIRM_PATH, api.Confirm(device.drawn(), code)),
        ]
        assert [answer.problem for answer in got] == ["code"] * 4
        return tuple((answer.status, answer.body) for answer in got)

    run(main())


def test_the_owners_new_phone_comes_in_by_the_pin_at_once(tmp_path: Path) -> None:
    """The defence must not lock its owner out: SIM and PIN together are the owner."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            old, new = await server.reachable(VICTIM), server.device(VICTIM)
            await set_pin(old, PIN)
            enrolment, code, answer = await comes(server, new)
            assert lock_in(answer).pin_tries == LIMITS.pin_tries
            assert (await enter_pin(new, enrolment, code, PIN)).status == 200
            assert set(server.relay.lines) == {new.device}
            third = server.device(VICTIM)
            assert lock_in((await comes(server, third))[2]).pin_tries == LIMITS.pin_tries, "the PIN protects it again"

    run(main())
