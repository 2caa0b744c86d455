"""SMS both ways, and the SIM."""

from dataclasses import replace

from sayso.phone.core.lines import LineState
from sayso.phone.core.texts import Direction, Text
from sayso.phone.line.sim_watch import PAUSED_ANOTHER, PAUSED_NONE
from sayso.phone.ports import IncomingSms, Sim
from tests.aio import run
from tests.fakes.modem import FakeModem
from tests.fakes.phones import ALICE, BOB, CAROL, Phone, Town


def test_a_phone_without_consent_is_an_ordinary_phone() -> None:
    async def main() -> None:
        town = Town()
        alice, carol = town.phone(ALICE), town.phone(CAROL)
        async with alice.running(), carol.running():
            sent = alice.send(CAROL, "hello")
            await town.settle()
            assert (alice.state_of(sent), alice.text(sent).reason) == ("sms-delivered", "line-off")
            assert carol.said(ALICE) == [("in", "sms", "hello", "new")]
            assert carol.modem.stored == {}
            alice.service.open_thread(CAROL)
            await town.pass_time(3600)
            assert alice.service.device is None
            assert alice.store.journal(alice.line).count() == 0

    run(main())


def test_an_sms_chosen_while_the_modem_is_away_goes_when_it_is_back() -> None:
    async def main() -> None:
        town = Town()
        alice, carol = town.phone(ALICE), town.phone(CAROL)
        async with alice.running(), carol.running():
            alice.modem.vanish()
            sent = alice.send(CAROL, "later")
            await town.pass_time(60)
            assert alice.state_of(sent) == "sms-sending"
            alice.modem.come_back()
            await town.pass_time(60)
            assert alice.state_of(sent) == "sms-delivered"

    run(main())


def test_after_a_crash_the_modem_is_asked_and_nothing_goes_twice() -> None:
    async def main() -> None:
        town = Town()
        alice, carol = town.phone(ALICE), town.phone(CAROL)
        async with carol.running():
            async with alice.running():
                sent = alice.send(CAROL, "once")
                # The phone dies after the modem got it, and before it could note the answer.
                await town.until(lambda: bool(town.network.accepted))
            with alice.store.transaction("crash"):
                alice.store.texts.put(_as_sending(alice, sent.id))
            async with alice.running():
                await town.settle()
                assert alice.state_of(sent) == "sms-delivered"
            assert [sms.text for sms in town.network.accepted] == ["once"]

    run(main())


def _as_sending(phone: Phone, text_id: int) -> Text:
    text = phone.store.texts.get(text_id)
    assert text is not None
    return replace(text, state="sms-sending")


def test_no_coverage_is_told() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            alice.modem.cover(on=False)
            sent = alice.send(CAROL, "hello")
            await town.settle()
            assert (alice.state_of(sent), alice.text(sent).reason) == ("failed", "sms-failed")
            alice.modem.cover(on=True)
            town.phone(CAROL)
            again = alice.service.send_as_sms(sent.message_id)
            await town.settle()
            assert again.sms_ref != sent.sms_ref
            assert alice.state_of(sent) == "sms-sent"

    run(main())


def test_a_short_code_and_letters() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            sent = alice.send("12345", "STOP")
            town.network.inject("Sayso News", ALICE, "hello")
            await town.settle()
            assert alice.text(sent).channel == "sms"
            assert ("12345", "STOP") in [(sms.to, sms.text) for sms in town.network.accepted]
            assert alice.texts("Sayso News")[0].text == "hello"
            assert not town.server.claims

    run(main())


def test_a_text_to_oneself_goes_by_sms() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            sent = alice.send(ALICE, "note")
            await town.settle()
            assert alice.state_of(sent) == "sms-delivered"
            assert [row.text for row in alice.texts(ALICE) if row.direction is Direction.IN] == ["note"]

    run(main())


def test_a_text_too_long_for_any_sms_is_told() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            sent = alice.send(CAROL, "x" * 40_000)
            assert (alice.state_of(sent), alice.text(sent).reason) == ("failed", "too-long")

    run(main())


def test_an_sms_that_is_announced_again_is_shown_once() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        sms = IncomingSms(index=1, sender=BOB, text="once", sent_at=5.0)
        async with alice.running():
            alice.modem._say(sms)
            await town.settle()
            alice.modem._say(sms)
            await town.settle()
        async with alice.running():
            alice.modem._say(sms)
            await town.settle()
            assert [row.text for row in alice.texts(BOB)] == ["once"]
            # The same words at another time are another SMS.
            alice.modem._say(IncomingSms(index=1, sender=BOB, text="once", sent_at=6.0))
            await town.settle()
            assert [row.text for row in alice.texts(BOB)] == ["once", "once"]

    run(main())


def test_another_sim_silences_the_line_and_its_own_wakes_it() -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running(), bob.running():
            await alice.opt_in()
            await bob.opt_in()
            alice.modem.eject()
            await town.pass_time(599)
            assert alice.state.value == "on"
            await town.pass_time(1)
            assert alice.state.value == "paused"
            assert _trouble(alice) == PAUSED_NONE
            assert not alice.service.connected
            alice.modem._change(_other_sim(town))
            await town.settle()
            assert alice.state.value == "paused"
            # Neither by cloud nor, under another number, by SMS.
            held = alice.send(BOB, "held")
            by_sms = alice.send("12345", "held too")
            await town.pass_time(3600)
            assert alice.state_of(held) == "queued"
            assert alice.state_of(by_sms) == "sms-sending"
            assert [sms.text for sms in town.network.accepted if sms.to == "12345"] == []
            assert alice.service.device is not None
            assert alice.service.device.device not in town.server.links
            alice.modem.insert()
            await town.settle()
            assert alice.store.lines.get(alice.line).state is LineState.ON
            assert _trouble(alice) is None
            await town.pass_time(5)
            assert alice.state_of(held) == "accepted"
            assert [sms.text for sms in town.network.accepted if sms.to == "12345"] == ["held too"]

    run(main())


def test_a_phone_that_starts_with_another_sim_sends_nothing() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
        own, alice.modem = alice.modem, town.network.modem(CAROL)
        assert isinstance(own, FakeModem)
        logins = len(town.server.links)
        async with alice.running():
            await town.pass_time(3600)
            assert alice.state is LineState.PAUSED
            assert alice.service.line.trouble == PAUSED_ANOTHER
            assert len(town.server.links) == logins == 0

    run(main())


def test_a_locked_sim_changes_nothing() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            alice.modem.lock()
            await town.settle()
            assert alice.state is LineState.ON
            assert alice.service.sim.locked

    run(main())


def test_what_another_sim_was_given_is_unknown_until_it_is_back() -> None:
    async def main() -> None:
        town = Town()
        alice, carol = town.phone(ALICE), town.phone(CAROL)
        town.network.loses = True
        async with alice.running(), carol.running():
            sent = alice.send(CAROL, "given")
            await town.settle()
            with alice.store.transaction("crash"):
                alice.store.texts.put(_as_sending(alice, sent.id))
            alice.modem._change(_other_sim(town))
            await town.settle()
            assert (alice.state_of(sent), alice.text(sent).reason) == ("sms-unknown", "sim-changed")
            alice.modem.insert()
            await town.settle()
            assert alice.state_of(sent) == "sms-sent"
            assert len(town.network.accepted) == 1

    run(main())


def test_no_identifier_of_the_sim_is_stored() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            line = alice.service.line
            assert line.sim is not None
            assert len(line.sim) == 32
            other = town.phone(BOB)
            async with other.running():
                assert other.store.secret("sim-key") != alice.store.secret("sim-key")

    run(main())


def _trouble(phone: Phone) -> str | None:
    return phone.service.line.trouble


def _other_sim(town: Town) -> Sim:
    return town.network.modem("+447700900150")._sim
