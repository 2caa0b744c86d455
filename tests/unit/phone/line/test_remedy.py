"""An update that changes a default: lines without a current consent are silent before their first packet."""

import json
from pathlib import Path

import pytest

from sayso.phone.adapters.remedies import read_remedy
from sayso.phone.core.remedy import Remedy
from sayso.phone.line.remedy import take_off
from sayso.phone.line.world import World
from sayso.protocol.limits import DAY
from tests.aio import run
from tests.fakes.honest_server import POLICY, URL
from tests.fakes.phones import ALICE, BOB, Phone, Town
from tests.unit.phone.line.test_agreeing import NEW

OLD = Remedy(policy_sha256=POLICY.sha256, wrong="It was on by itself.")
OTHER = Remedy(policy_sha256=NEW.sha256, wrong="It was on by itself.")


def apply(phone: Phone, remedy: Remedy) -> bool:
    """What the phone's start does."""
    phone.boot()
    world: World = phone.service._world
    return take_off(world, phone.line, remedy)


def state(phone: Phone) -> str:
    """Of its line, as it is stored."""
    return phone.state.value


def test_a_line_with_a_current_consent_is_left_alone() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
        assert not apply(alice, OLD)
        assert not apply(alice, Remedy(policy_sha256=None, wrong="unreadable"))
        assert state(alice) == "on"

    run(main())


def test_a_line_without_one_sends_nothing_any_more_until_its_owner_agrees() -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with bob.running():
            await bob.opt_in()
            async with alice.running():
                await alice.opt_in()
            alice.policy = town.server.policy = NEW
            assert apply(alice, OTHER)
            assert state(alice) == "policy-changed"
            said = alice.store.lines.get(alice.line).trouble or ""
            assert OTHER.wrong in said
            assert "sayso phone agree" in said
            async with alice.running():
                sent = alice.send(BOB, "by SMS")
                await town.pass_time(3 * DAY)
                assert alice.text(sent).channel == "sms"
                assert alice.service.device is not None
                assert not alice.service.connected
                assert town.server.links == {}  # Bob's program does not show the new text: silent, too
                await alice.service.agree(policy_sha256=NEW.sha256, method="test")
                await town.until(lambda: alice.service.connected)
            assert not apply(alice, OTHER)
            assert state(alice) == "on"

    run(main())


def test_a_line_that_is_off_stays_off() -> None:
    alice = Town().phone(ALICE)
    assert not apply(alice, OTHER)
    assert state(alice) == "off"


def test_an_enrolment_under_way_to_the_text_before_ends() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.service.opt_in(
                server=URL,
                server_key=town.server.digest,
                number=None,
                findable="everyone",
                method="test",
            )
        assert state(alice) == "enrolling"
        assert apply(alice, OTHER)
        assert state(alice) == "off"
        assert OTHER.wrong in (alice.store.lines.get(alice.line).trouble or "")

    run(main())


def notice(**changes: object) -> str:
    return json.dumps(
        {
            "schema_version": "sayso-remedy-1",
            "version": "1.1.0",
            "policy_sha256": NEW.sha256.hex(),
            "wrong": OTHER.wrong,
            "done": "It is off.",
        }
        | changes
    )


def test_the_newest_notice_counts(tmp_path: Path) -> None:
    assert read_remedy(tmp_path) is None
    (tmp_path / "remedy-1.9.0.json").write_text(notice(wrong="older"))
    (tmp_path / "remedy-1.10.0.json").write_text(notice())
    (tmp_path / "remedy-x.json").write_text(notice(wrong="no version"))
    assert read_remedy(tmp_path) == OTHER


@pytest.mark.parametrize("content", ["", "{}", "[]", notice(policy_sha256="short")])
def test_a_damaged_notice_counts_all_the_same(tmp_path: Path, content: str) -> None:
    (tmp_path / "remedy-1.1.0.json").write_text(content)
    remedy = read_remedy(tmp_path)
    assert remedy is not None
    assert remedy.policy_sha256 is None
