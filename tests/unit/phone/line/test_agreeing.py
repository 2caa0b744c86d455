"""A policy that changes: the old consent does not cover it, and the line is silent until its owner has agreed."""

import hashlib
from datetime import date
from pathlib import Path

import pytest

from sayso.consent.proofs import check_proof
from sayso.phone import command_types as ask
from sayso.phone.core.lines import LineState
from sayso.phone.errors import CommandError, PolicyChangedError, UnreachableError
from sayso.protocol.api import CONSENT_PATH
from sayso.protocol.limits import DAY, HOUR
from sayso.protocol.statement import Policy
from tests.aio import run
from tests.fakes.honest_server import POLICY
from tests.fakes.phones import ALICE, BOB, Phone, Town

NEW = Policy("2", hashlib.sha256(b"the new text").digest())
LATER = date(2027, 3, 1)


async def change_policy(town: Town, *phones: Phone, on_phone: bool = True) -> None:
    """The server restarts with another policy; the phones, updated or not, find out when they connect again."""
    for phone in phones:
        phone.policy = NEW if on_phone else POLICY
    await town.pass_time(HOUR)
    town.server.policy = NEW
    for link in list(town.server.links.values()):
        link.hang_up()
    await town.pass_time(60)


def trouble(phone: Phone) -> str:
    return phone.service.line.trouble or ""


def test_a_changed_policy_silences_the_line_at_the_next_connection() -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running(), bob.running():
            await alice.opt_in()
            await bob.opt_in()
            await change_policy(town, alice, bob)
            assert alice.state is LineState.POLICY_CHANGED
            assert "sayso phone agree" not in trouble(alice), "this program does not show the new text"
            assert town.server.links == {}
            deposits = len(town.server.deposits)
            sent = alice.send(BOB, "does this go out?")
            await town.pass_time(2 * DAY)
            assert len(town.server.deposits) == deposits
            assert town.server.links == {}
            assert alice.text(sent).channel == "sms"

    run(main())


def test_it_is_noticed_at_the_daily_refresh_too() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            town.server.policy = NEW
            await town.pass_time(DAY + 2 * HOUR)
            assert alice.state is LineState.POLICY_CHANGED
            assert town.server.links == {}

    run(main())


def test_agreeing_to_the_new_text_makes_a_consent_of_its_own() -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running(), bob.running():
            await alice.opt_in()
            await bob.opt_in()
        before = alice.service.device
        assert before is not None
        alice.policy = NEW
        town.server.policy = NEW
        await town.pass_time(HOUR)
        async with alice.running():
            assert alice.state is LineState.POLICY_CHANGED
            assert "sayso phone agree" in trouble(alice)
            await alice.owner.handle(ask.Agree(policy_sha256=NEW.sha256.hex(), method="test"))
            await town.until(lambda: alice.state is LineState.ON and alice.service.connected)
            after = alice.service.device
            assert after is not None
            assert after.device == before.device, "no other device, no other code"
            assert after.record_id != before.record_id
            assert town.server.enrolments[after.device].record.record.policy == NEW
            assert alice.service.line.trouble is None
            proofs = await receipts(alice)
            assert [check_proof(one, today=LATER).record.policy for one in proofs.proofs] == [POLICY, NEW]
            left = await alice.service.opt_out()
            assert left.erased
            proved = [check_proof(one, today=LATER) for one in (await receipts(alice)).proofs]
            assert [one.erased_on is not None for one in proved] == [False, True]

    run(main())


async def receipts(phone: Phone) -> ask.ReceiptList:
    answer = await phone.owner.handle(ask.Receipts())
    assert isinstance(answer, ask.ReceiptList)
    return answer


def test_a_text_that_the_phone_does_not_show_cannot_be_agreed_to() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            await change_policy(town, alice, on_phone=False)
            assert alice.state is LineState.POLICY_CHANGED
            assert "update Sayso" in trouble(alice)
            with pytest.raises(CommandError, match="another version"):
                await alice.service.agree(policy_sha256=NEW.sha256, method="test")
            with pytest.raises(CommandError, match="update Sayso"):
                await alice.service.agree(policy_sha256=POLICY.sha256, method="test")
            assert alice.state is LineState.POLICY_CHANGED

    run(main())


def test_a_line_that_is_on_has_nothing_to_agree_to() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            with pytest.raises(CommandError, match="nothing has to be agreed to"):
                await alice.service.agree(policy_sha256=POLICY.sha256, method="test")
            assert alice.service.connected

    run(main())


def test_a_lost_answer_leaves_the_line_silent_and_agreeing_again_works() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
        alice.policy = town.server.policy = NEW
        await town.pass_time(HOUR)
        async with alice.running():
            town.server.loses_answers.add(CONSENT_PATH)
            with pytest.raises(UnreachableError):
                await alice.service.agree(policy_sha256=NEW.sha256, method="test")
            assert alice.state is LineState.POLICY_CHANGED
            await alice.service.agree(policy_sha256=NEW.sha256, method="test")
            await town.until(lambda: alice.service.connected)
            assert (await receipts(alice)).unanswered == 1

    run(main())


def test_the_owner_can_leave_instead_of_agreeing() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            await change_policy(town, alice)
            left = await alice.service.opt_out()
            assert left.erased
            assert alice.state is LineState.OFF
            assert town.server.enrolments == {}

    run(main())


def test_a_restart_does_not_bring_the_line_back(tmp_path: Path) -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE, path=tmp_path / "alice.db")
        async with alice.running():
            await alice.opt_in()
            await change_policy(town, alice)
        async with alice.running():
            await town.pass_time(DAY)
            assert alice.state is LineState.POLICY_CHANGED
            assert town.server.links == {}

    run(main())


def test_a_newer_program_alone_changes_nothing() -> None:
    """What counts is the server's policy: as long as that is the one agreed to, the consent holds."""

    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
        alice.policy = NEW
        async with alice.running():
            await town.pass_time(2 * DAY)
            assert alice.state is LineState.ON
            assert alice.service.connected

    run(main())


def test_the_owner_sees_what_the_server_holds_while_being_asked() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            with pytest.raises(CommandError, match="not on"):
                await alice.service.holdings()
            await alice.opt_in()
            answer = await alice.owner.handle(ask.Me())
            assert isinstance(answer, ask.Held)
            assert answer.held.policy_sha256 == POLICY.sha256
            await change_policy(town, alice)
            assert (await alice.service.holdings()).policy_sha256 == POLICY.sha256

    run(main())


def test_who_may_find_the_line_is_a_consent_of_its_own() -> None:
    """Device, keys and number stay; the line is back at once under the new record; both records are proved."""

    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running(), bob.running():
            await alice.opt_in()
            await bob.opt_in()
            before = alice.service.device
            assert before is not None
            await alice.owner.handle(ask.SetFindable(findable="nobody", method="test"))
            await town.until(lambda: alice.service.connected)
            after = alice.service.device
            assert after is not None
            assert (after.device, after.findable) == (before.device, "nobody")
            assert after.record_id != before.record_id
            assert alice.state is LineState.ON
            held = await alice.service.holdings()
            assert held.findable == "nobody"
            proofs = await receipts(alice)
            assert [check_proof(one, today=LATER).record.findable for one in proofs.proofs] == ["everyone", "nobody"]
            sent = alice.send(BOB, "still here")
            await town.pass_time(2)
            assert alice.text(sent).channel == "cloud"
            left = await alice.service.opt_out()
            assert left.erased

    run(main())


def test_who_may_find_a_line_is_not_changed_where_nothing_changes_or_nothing_is_on() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            with pytest.raises(CommandError, match="asked when you turn it on"):
                await alice.service.choose_findable("nobody", method="test")
            await alice.opt_in()
            with pytest.raises(CommandError, match="nothing was changed"):
                await alice.service.choose_findable("everyone", method="test")
            assert (await receipts(alice)).unanswered == 0

    run(main())


def test_a_lost_answer_leaves_the_line_on_and_the_change_can_be_said_again() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            town.server.loses_answers.add(CONSENT_PATH)
            with pytest.raises(UnreachableError):
                await alice.service.choose_findable("nobody", method="test")
            assert alice.service.connected
            device = alice.service.device
            assert device is not None
            assert device.findable == "everyone", "what nobody has signed for is not shown as so"
            await alice.service.choose_findable("nobody", method="test")
            await town.until(lambda: alice.service.connected)
            assert (await alice.service.holdings()).findable == "nobody"

    run(main())


def test_a_policy_that_changed_is_not_agreed_to_by_the_way() -> None:
    """The server has another policy by now: the owner was asked who may find the line, and about nothing else."""

    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            alice.policy = town.server.policy = NEW
            with pytest.raises(PolicyChangedError):
                await alice.service.choose_findable("nobody", method="test")
            device = alice.service.device
            assert device is not None
            assert device.findable == "everyone"
            assert town.server.enrolments[device.device].record.record.policy == POLICY

    run(main())
