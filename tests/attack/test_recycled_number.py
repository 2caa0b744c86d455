"""A recycled number: its former owner's phone, on Wi-Fi without the SIM, wants to keep it for ever."""

from pathlib import Path

import pytest

from sayso.protocol import api
from sayso.protocol.limits import DAY, LIMITS
from tests.aio import run
from tests.fakes.control_server import ControlServer, control_server
from tests.fakes.enrolling_device import EnrollingDevice
from tests.fakes.locking import comes, delay, lock_in, set_pin

NUMBER = "+447700900001"
PIN = "314159"


async def resist(server: ControlServer, old: EnrollingDevice, days: int, *, pin: str | None) -> list[str | None]:
    """The old phone does all that it can, every day; returns what it was answered to its delays."""
    said = []
    for _ in range(days):
        server.clock.seconds += DAY
        old.nonces.clear()
        assert (await old.post(api.CERTIFICATE_PATH, api.Empty())).status == 200
        await set_pin(old, "000000")
        await set_pin(old, None)
        # Its number is another's by now: the code goes to the newcomer's SIM, and the old phone guesses.
        code = await old.ask_code()
        await server.control.background.settle()
        guess = f"{(int(server.sender.code()) + 1) % 10**6:06}"
        assert (await old.post(api.REFUSE_PATH, api.RefuseNewcomer(code, guess))).problem == "code"
        if pin is not None:
            said.append((await delay(old, pin)).problem)
    return said


@pytest.mark.parametrize(("pin", "days"), [(None, 7), (PIN, 37)])
def test_the_old_phone_delays_the_new_owner_and_no_longer(pin: str | None, days: int, tmp_path: Path) -> None:
    """Seven days without a PIN, 37 with one: then the new owner's next code is enough."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            old, new = await server.reachable(NUMBER), server.device(NUMBER)
            if pin is not None:
                await set_pin(old, pin)
            assert (await comes(server, new))[2].problem == "locked"
            assert set(await resist(server, old, days, pin=pin)) <= {None}
            server.clock.seconds += LIMITS.code_s
            assert (await comes(server, new))[2].status == 200
            assert set(server.relay.lines) == {new.device}
            old.nonces.clear()
            assert (await old.post(api.CERTIFICATE_PATH, api.Empty())).problem == "bad-signature"

    run(main())


def test_a_pin_set_after_the_new_owner_came_is_refused(tmp_path: Path) -> None:
    """Otherwise each old phone would gain the thirty days that are for owners who thought ahead."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            old, new = await server.reachable(NUMBER), server.device(NUMBER)
            await comes(server, new)
            assert (await set_pin(old, PIN)).problem == "locked"
            assert (await delay(old, PIN)).problem == "pin"
            assert lock_in((await comes(server, new))[2]).wait_s == 7 * DAY

    run(main())


def test_a_phone_that_is_off_for_good_frees_the_number_at_its_expiry(tmp_path: Path) -> None:
    """A record asleep for 21 days has seven left: the new owner waits no longer than that."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            await server.reachable(NUMBER)
            new = server.device(NUMBER)
            server.clock.seconds += 24 * DAY
            assert (await comes(server, new))[2].problem == "locked"
            server.clock.seconds += 4 * DAY
            await server.control.sweep()
            assert (await comes(server, new))[2].status == 200

    run(main())


def test_an_old_phone_that_opts_out_frees_the_number_at_once(tmp_path: Path) -> None:
    """Opt-out ends the lock, and what was held of the newcomer with it."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            old, new = await server.reachable(NUMBER), server.device(NUMBER)
            await comes(server, new)
            old.nonces.clear()
            assert (await old.post(api.WITHDRAW_PATH, old.withdrawal())).status == 200
            assert (await comes(server, new))[2].status == 200

    run(main())
