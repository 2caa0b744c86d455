"""Two SIMs in one phone: two lines, each with its own consent and pause; replies leave by the line that received."""

from collections.abc import Awaitable, Callable

import pytest

from sayso.phone import command_types as ask
from sayso.phone.core.lines import LineState
from sayso.phone.core.texts import Direction
from sayso.phone.errors import CommandError
from tests.aio import run
from tests.fakes.world.phone import SimPhone
from tests.fakes.world.player import Player
from tests.fakes.world.stations import EVERY_S
from tests.fakes.world.world import NUMBERS, World

ALICE, ONE, TWO, _ = NUMBERS
SIM1, SIM2 = "sim1", "sim2"


def _play(scenario: Callable[[World, Player, SimPhone], Awaitable[None]]) -> None:
    async def main() -> None:
        world = World()
        try:
            for phone in world.phones:
                await phone.boot()
            await scenario(world, Player(world), world.phone(ONE))
        finally:
            await world.close()

    run(main())


async def _send(phone: SimPhone, to: str, text: str, line: str | None = None) -> ask.Message:
    answer = await phone.owner.handle(ask.Send(line=line, to=to, text=text))
    assert isinstance(answer, ask.Sending)
    return answer.message


def test_a_reply_leaves_by_the_line_that_received() -> None:
    async def scenario(world: World, _: Player, phone: SimPhone) -> None:
        with pytest.raises(CommandError):  # nothing says which line it is to be
            await _send(phone, ALICE, "hello")
        for number, name in ((TWO, SIM2), (ONE, SIM1)):
            world.network.inject(ALICE, number, f"to {name}")
            await world.settle()
            route = await phone.owner.handle(ask.NextText(number=ALICE))
            assert isinstance(route, ask.NextRoute)
            assert route.line == name
            assert (await _send(phone, ALICE, f"back from {name}")).line == name
        await world.settle()
        senders = [(sms.sender, sms.text) for sms in world.network.accepted if sms.to == ALICE]
        assert senders == [(TWO, "back from sim2"), (ONE, "back from sim1")]
        assert (await _send(phone, ALICE, "by the other", SIM2)).line == SIM2

    _play(scenario)


def test_consent_and_pause_are_the_lines_own() -> None:
    async def scenario(world: World, player: Player, phone: SimPhone) -> None:
        await player.take(("opt_in", NUMBERS.index(TWO), 1, 0))
        await player.take(("opt_in", NUMBERS.index(ALICE), 1, 0))
        await world.wait(EVERY_S + 5)  # Alice's modem is one that is looked at: the code lies there until then
        assert (phone.line_state(ONE), phone.line_state(TWO)) == (LineState.OFF, LineState.ON)
        await _send(phone, ALICE, "by cloud", SIM2)
        await _send(phone, ALICE, "by sms", SIM1)
        await world.wait(EVERY_S + 5)
        alice = world.phone(ALICE)
        rows = alice.store.texts.newest(line=alice.lines[ALICE], number=None, limit=10)
        came = {(row.number, row.channel.value, row.text) for row in rows if row.direction is Direction.IN}
        assert came == {(TWO, "cloud", "by cloud"), (ONE, "sms", "by sms")}
        phone.stations[TWO].put(None)
        await world.wait(700)
        assert (phone.line_state(ONE), phone.line_state(TWO)) == (LineState.OFF, LineState.PAUSED)
        phone.stations[ONE].put(None)
        await world.wait(5)
        assert phone.line_state(ONE) is LineState.OFF

    _play(scenario)


@pytest.mark.parametrize("number", ["112", "911", "999", "12345"])
def test_emergency_numbers_and_short_codes_never_go_to_discovery_or_cloud(number: str) -> None:
    async def scenario(world: World, player: Player, phone: SimPhone) -> None:
        await player.take(("opt_in", NUMBERS.index(TWO), 1, 0))
        asked, frames = list(world.server.evaluated), len(world.server.deposits)
        message = await _send(phone, number, "help", SIM2)
        assert message.channel == "sms"
        await phone.owner.handle(ask.AddContact(name="Somebody", number=number))
        await world.wait(7200)
        assert (world.server.evaluated, len(world.server.deposits)) == (asked, frames)
        assert world.server.claims == []

    _play(scenario)
