"""A SIM that is gone pauses its line and then releases it; false alarms do nothing."""

from dataclasses import replace

import pytest

from sayso.phone import command_types as ask
from sayso.phone.core.lines import LineState
from sayso.phone.errors import CommandError
from sayso.phone.line.sim_watch import GIVEN_UP, RELEASED
from tests.aio import run
from tests.fakes.phones import ALICE, BOB, CAROL, Phone, Town


def _state(phone: Phone) -> LineState:
    """The line's state, which a type checker must not think to be what it was a step ago."""
    return phone.state


async def _line(phone: Phone) -> ask.Line:
    answer = await phone.owner.handle(ask.Status())
    assert isinstance(answer, ask.StatusReport)
    return answer.lines[0]


def test_ten_minutes_pause_and_a_day_releases_without_a_word_to_the_server() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            device = alice.service.device
            assert device is not None
            alice.modem.eject()
            await town.pass_time(1)
            line = await _line(alice)
            assert line.sim_gone_since is not None
            assert line.released_at == line.sim_gone_since + 24 * 3600
            await town.pass_time(600)
            assert _state(alice) is LineState.PAUSED
            await town.pass_time(23.5 * 3600)
            assert _state(alice) is LineState.PAUSED
            await town.pass_time(0.4 * 3600)
            assert _state(alice) is LineState.OFF
            assert alice.service.line.trouble == RELEASED
            assert alice.service.device is None
            # The record sleeps, and the registration lock with it.
            assert device.device in town.server.enrolments

    run(main())


def test_a_sim_that_comes_back_within_the_day_resumes() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            alice.modem.eject()
            await town.pass_time(20 * 3600)
            assert _state(alice) is LineState.PAUSED
            alice.modem.insert()
            await town.pass_time(5)
            assert _state(alice) is LineState.ON
            assert alice.service.connected
            line = await _line(alice)
            assert (line.sim_gone_since, line.released_at, line.trouble) == (None, None, None)

    run(main())


@pytest.mark.parametrize("alarm", ["lock", "vanish"])
def test_false_alarms(alarm: str) -> None:
    """A PIN at boot; a modem that is reset, in airplane mode or served by a ModemManager that starts anew."""

    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            getattr(alice.modem, alarm)()
            await town.pass_time(3 * 24 * 3600)
            assert _state(alice) is LineState.ON
            assert alice.service.line.sim_gone_since == 0
            alice.modem.come_back()
            alice.modem.insert()
            await town.pass_time(30)
            assert _state(alice) is LineState.ON

    run(main())


def test_a_modem_that_is_without_its_sim_for_a_while_after_a_reset() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            for _ in range(5):
                alice.modem.eject()
                await town.pass_time(500)
                alice.modem.insert()
                await town.pass_time(1)
            assert _state(alice) is LineState.ON

    run(main())


@pytest.mark.parametrize("ours", [True, False])
def test_an_sms_that_waited_for_the_lines_sim_goes_once_the_owner_has_said_which_it_is(ours: bool) -> None:  # noqa: FBT001
    """The modem says nothing then: nobody else would look at what waits."""

    async def main() -> None:
        town = Town()
        alice, carol = town.phone(ALICE), town.phone(CAROL)
        async with alice.running(), carol.running():
            await alice.opt_in()
            alice.modem._change(replace(alice.modem._full, imsi="001010000000077", iccid="89991010000000000077"))
            sent = alice.send(CAROL, "hello")
            await town.pass_time(700)
            assert alice.state_of(sent) == "sms-sending"
            await alice.owner.handle(ask.ConfirmSim(ours=ours))
            await town.pass_time(5)
            assert alice.state_of(sent) == "sms-delivered"

    run(main())


def test_the_owner_says_which_sim_it_is() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            with pytest.raises(CommandError):
                await alice.owner.handle(ask.ConfirmSim(ours=True))
            replacement = replace(alice.modem._full, imsi="001010000000077", iccid="89991010000000000077")
            alice.modem._change(replacement)
            await town.pass_time(700)
            assert _state(alice) is LineState.PAUSED
            await alice.owner.handle(ask.ConfirmSim(ours=True))
            await town.pass_time(5)
            assert _state(alice) is LineState.ON
            another = replace(replacement, imsi="001010000000078", number=BOB)
            alice.modem._change(another)
            await town.pass_time(1)
            with pytest.raises(CommandError):  # it has another number: that takes a yes of its own
                await alice.owner.handle(ask.ConfirmSim(ours=True))
            await alice.owner.handle(ask.ConfirmSim(ours=False))
            await town.settle()
            assert _state(alice) is LineState.OFF
            assert alice.service.line.trouble == GIVEN_UP

    run(main())
