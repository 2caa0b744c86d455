"""A server's key is replaced while two phones text each other: nothing is lost, no code is asked, nobody is warned."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sayso.phone.core.lines import Device
from sayso.phone.core.peers import InCloud
from sayso.phone.core.texts import Channel, Direction
from sayso.phone.errors import ProblemError
from sayso.protocol import api
from sayso.protocol.frames import Bye, ByeReason
from sayso.protocol.limits import DAY, HOUR, LIMITS
from tests.aio import run
from tests.fakes.phones import ALICE, BOB, CAROL, Phone, Town


def device_of(phone: Phone) -> Device:
    device = phone.store.lines.device(phone.line)
    assert device is not None
    return device


def epochs_of(phone: Phone) -> list[int]:
    """Epochs of the line's own tokens."""
    device = device_of(phone)
    return [token[0] for token in (device.token, device.other_token) if token is not None]


async def stop_and_start(town: Town) -> None:
    """Stop the server gracefully, and start it again."""
    for link in list(town.server.links.values()):
        link.say(Bye(ByeReason.STOPPING))
    await town.settle()
    town.server.stop()
    town.server.off = False
    await town.pass_time(60)


@asynccontextmanager
async def two_phones() -> AsyncIterator[tuple[Town, Phone, Phone]]:
    """Alice and Bob, who have texted each other."""
    town = Town()
    alice, bob = town.phone(ALICE), town.phone(BOB)
    async with alice.running(), bob.running():
        await alice.opt_in()
        await bob.opt_in()
        await exchange(town, alice, bob, "before")
        yield town, alice, bob


def came(phone: Phone, words: str) -> int:
    """How often a text came, by the cloud."""
    rows = [row for row in phone.texts() if row.direction is Direction.IN and row.text == words]
    assert {row.channel for row in rows} <= {Channel.CLOUD}
    return len(rows)


async def exchange(town: Town, alice: Phone, bob: Phone, words: str) -> None:
    """A text each way, once and by the cloud."""
    for sender, to, receiver in ((alice, BOB, bob), (bob, ALICE, alice)):
        sent = sender.send(to, words)
        for _ in range(40):
            if came(receiver, words):
                break
            await town.pass_time(30)
        assert (came(receiver, words), sender.text(sent).channel) == (1, Channel.CLOUD)


def warnings(phone: Phone) -> list[str]:
    """What the phone has said by itself."""
    return [row.reason or "" for row in phone.texts() if row.direction is Direction.SYSTEM]


def test_lines_move_by_themselves_and_texts_go_on() -> None:
    async def main() -> None:
        async with two_phones() as (town, alice, bob):
            town.server.rotate_voprf()
            await stop_and_start(town)
            await town.pass_time(60)
            assert epochs_of(alice) == epochs_of(bob) == [2, 1]
            await exchange(town, alice, bob, "during")
            town.server.end_epoch()
            await exchange(town, alice, bob, "after")
            await town.pass_time(DAY)
            await exchange(town, alice, bob, "a day later")
            assert not warnings(alice)
            assert not warnings(bob)
            assert len(town.server.pending) == 2, "no other code was asked for"

    run(main())


def test_who_has_moved_and_who_has_not_reach_each_other() -> None:
    async def main() -> None:
        async with two_phones() as (town, alice, bob):
            town.server.rotate_voprf()
            town.server.faces[device_of(bob).device] = {1: town.server.voprf_keys[1]}
            await stop_and_start(town)
            assert (epochs_of(alice), epochs_of(bob)) == ([2, 1], [1])
            await exchange(town, alice, bob, "between the epochs")
            # Keys are claimed anew: by either token.
            for phone in (alice, bob):
                with phone.store.transaction("forgotten"):
                    phone.store.peers.forget_enrolment(phone.line)
            await exchange(town, alice, bob, "with fresh keys")

    run(main())


def test_a_new_contact_that_has_not_moved_is_found_under_its_old_token() -> None:
    async def main() -> None:
        async with two_phones() as (town, alice, _):
            carol = town.phone(CAROL)
            async with carol.running():
                await carol.opt_in()
                town.server.rotate_voprf()
                town.server.faces[device_of(carol).device] = {1: town.server.voprf_keys[1]}
                await stop_and_start(town)
                assert epochs_of(carol) == [1]
                sent = alice.send(CAROL, "hello")
                await town.pass_time(60)
                assert came(carol, "hello") == 1
                assert alice.text(sent).channel is Channel.CLOUD
                peer = alice.store.peers.get(alice.line, CAROL)
                assert (peer.in_cloud, peer.token_in(1), peer.token) == (
                    InCloud.YES,
                    device_of(carol).token,
                    device_of(carol).token,
                )

    run(main())


def test_the_phone_knows_its_new_token_before_the_server_does() -> None:
    """The answer is lost; from then on others may seal to the new token, and what they seal is read."""

    async def main() -> None:
        async with two_phones() as (town, alice, bob):
            town.server.rotate_voprf()
            town.server.loses_answers.add(api.EPOCH_PATH)
            town.server.faces[device_of(alice).device] = dict(town.server.voprf_keys)
            before = device_of(bob).token
            await stop_and_start(town)
            moved = town.server.of_number(BOB)
            assert moved is not None
            assert moved.token[0] == 2
            assert {before, moved.token} == {device_of(bob).token, device_of(bob).other_token}
            await exchange(town, alice, bob, "while it moves")
            await town.pass_time(HOUR)
            assert epochs_of(bob) == [2, 1]

    run(main())


def test_a_killed_phone_goes_on_where_it_was() -> None:
    async def main() -> None:
        town = Town()
        bob = town.phone(BOB)
        async with bob.running():
            await bob.opt_in()
            old = device_of(bob).token
        town.server.rotate_voprf()
        town.server.loses_answers.add(api.EPOCH_PATH)
        async with bob.running():
            await town.pass_time(LIMITS.lease_renew_s + 60)
        async with bob.running():
            await town.pass_time(HOUR)
            assert epochs_of(bob) == [2, 1]
            assert device_of(bob).other_token == old

    run(main())


def test_an_overlap_that_is_slept_through_ends_the_enrolment() -> None:
    async def main() -> None:
        town = Town()
        bob = town.phone(BOB)
        async with bob.running():
            await bob.opt_in()
        town.server.rotate_voprf()
        town.server.end_epoch()
        await town.clock.advance(15 * DAY)
        async with bob.running():
            await town.settle()
            line = bob.store.lines.get(bob.line)
            assert line.state == "off"
            assert line.trouble

    run(main())


def test_certificates_of_both_keys_are_believed_during_an_overlap() -> None:
    async def main() -> None:
        async with two_phones() as (town, alice, bob):
            town.server.rotate_certificate_key()
            await town.pass_time(LIMITS.lease_renew_s + HOUR)
            await exchange(town, alice, bob, "signed by the old one")
            town.server.other_certificate_key = None
            await town.pass_time(LIMITS.lease_renew_s + HOUR)
            await exchange(town, alice, bob, "signed by the new one")
            assert not warnings(alice)
            assert not warnings(bob)

    run(main())


def test_a_server_that_evaluates_under_another_key_than_it_states_moves_nobody() -> None:
    async def main() -> None:
        async with two_phones() as (town, alice, _):
            town.server.rotate_voprf()
            town.server.evaluates_with = bytes([99]) * 32
            await stop_and_start(town)
            assert epochs_of(alice) == [1]
            trouble = alice.store.lines.get(alice.line).trouble
            assert trouble is not None
            assert "proof" in trouble

    run(main())


@pytest.mark.parametrize("path", [api.EVALUATE_PATH, api.EPOCH_PATH])
def test_keys_are_looked_after_although_the_move_does_not_succeed(path: str) -> None:
    async def main() -> None:
        async with two_phones() as (town, alice, _):
            town.server.rotate_voprf()
            town.server.budget = 0 if path == api.EVALUATE_PATH else None
            town.server.loses_answers.add(path)
            await stop_and_start(town)
            assert device_of(alice).token is not None
            town.server.budget = None
            await town.pass_time(2 * HOUR)
            assert epochs_of(alice) == [2, 1]

    run(main())


EPOCH_OVER = ProblemError("epoch", "Sealed to a key that is not in use: fetch the statement.")


def test_a_registrar_key_that_is_gone_by_now_is_fetched_anew_and_the_move_goes_on() -> None:
    async def main() -> None:
        async with two_phones() as (town, alice, _):
            town.server.rotate_voprf()
            town.server.refuses_once[api.EPOCH_PATH] = EPOCH_OVER
            await stop_and_start(town)
            assert epochs_of(alice) == [2, 1]

    run(main())


def test_a_registrar_key_that_is_gone_by_now_stops_no_opt_in() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        town.server.refuses_once[api.ENROL_PATH] = EPOCH_OVER
        async with alice.running():
            await alice.opt_in()
            assert alice.state == "on"

    run(main())
