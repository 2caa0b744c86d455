"""Patience: what is due is done when it is due, sooner when a policy changes, and late by a quarter hour at most."""

from dataclasses import replace

from sayso.phone.core.fallback import Policy, When
from sayso.phone.line.patience import LOOK_AGAIN_S
from tests.aio import run
from tests.fakes.phones import ALICE, BOB, Town

SOON = Policy(undelivered=When.AFTER, undelivered_after_s=60, unreachable=When.AFTER, unreachable_after_s=60)
LATE = Policy(undelivered=When.AFTER, undelivered_after_s=7200, unreachable=When.AFTER, unreachable_after_s=7200)


def _waits_for_a_connection(policy: Policy, then: Policy | None, steps: list[tuple[float, str]]) -> None:
    """Alice writes while the server is away; `steps`: seconds that pass, and the channel of her text after them."""

    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running(), bob.running():
            await alice.opt_in()
            await bob.opt_in()
            alice.send(BOB, "hello")
            await town.settle()
            alice.service.set_policy(None, policy)
            town.server.stop()
            await town.settle()
            sent = alice.send(BOB, "are you there")
            await town.settle()
            if then is not None:
                alice.service.set_policy(None, then)
            for seconds, channel in steps:
                await town.pass_time(seconds)
                assert alice.text(sent).channel.value == channel

    run(main())


def test_what_is_due_is_done_when_it_is_due() -> None:
    _waits_for_a_connection(SOON, None, [(58, "cloud"), (4, "sms")])


def test_a_policy_that_is_set_meanwhile_is_obeyed() -> None:
    _waits_for_a_connection(LATE, SOON, [(58, "cloud"), (4, "sms")])
    _waits_for_a_connection(SOON, LATE, [(62, "cloud"), (3600, "cloud"), (3600, "sms")])


def test_a_clock_that_is_set_is_noticed_within_a_quarter_hour() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            alice.service.set_policy(None, LATE)
            town.server.stop()
            await town.settle()
            sent = alice.send(BOB, "are you there")
            await town.settle()
            with alice.store.transaction("test"):  # as a clock set forward by two hours sees it
                early = alice.text(sent)
                alice.store.texts.put(replace(early, at=early.at - 7200))
            await town.pass_time(LOOK_AGAIN_S + 1)
            assert alice.text(sent).channel.value == "sms"

    run(main())
