"""The enrolled set on the phone: fetched by the clock, checked, kept, and only a hint."""

import pytest

from sayso.phone import command_types as ask
from sayso.phone.adapters.store.peers import Contact
from sayso.phone.core.discovery import FIRST_S, SPREAD_S
from sayso.phone.errors import CacheError, ProblemError, UnreachableError
from sayso.phone.line.enrolled_set import RETRY_S, SetKeeper
from sayso.protocol.api import SET_BLOBS_PATH, SETS_PATH
from sayso.protocol.errors import SetError
from sayso.protocol.limits import DAY, HOUR, LIMITS
from sayso.protocol.set_manifest import Manifest, SetIndex, sign_manifest
from tests.aio import run
from tests.fakes.honest_server import EPOCH
from tests.fakes.phones import ALICE, BOB, CAROL, Phone, Town
from tests.fakes.set_publisher import Publisher


def keeper(phone: Phone) -> SetKeeper:
    return SetKeeper(phone.service._world, phone.line, phone.service._reached())


def add(phone: Phone, *numbers: str) -> None:
    with phone.store.transaction("contact"):
        for number in numbers:
            phone.store.peers.put_contact(Contact(number=number, name="Somebody"))


def shards_fetched(town: Town) -> int:
    return sum(path.startswith(SET_BLOBS_PATH) for path in town.server.fetched)


def test_by_the_clock_a_line_learns_which_contacts_are_likely_in_the_cloud() -> None:
    async def main() -> None:
        town = Town()
        publisher = Publisher(town.server)
        publisher.enrol(BOB)
        publisher.publish()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            add(alice, BOB, CAROL)
            assert town.server.fetched == []
            assert not alice.service.likely(BOB)
            await town.pass_time(FIRST_S)
            await _until_likely(town, alice, BOB)
            assert not alice.service.likely(CAROL)
            answer = await alice.owner.handle(ask.OpenContact(number=BOB))
            assert isinstance(answer, ask.ContactList)
            assert answer.contacts[0].cloud == "likely"
            fetched = list(town.server.fetched)
            assert fetched[0] == SETS_PATH
            assert len(fetched) == 1 + len(publisher_shards(town))
            await town.pass_time(LIMITS.set_build_s - FIRST_S - 1)
            assert town.server.fetched == fetched

    run(main())


def publisher_shards(town: Town) -> list[str]:
    return [path for path in town.server.public if path.startswith(SET_BLOBS_PATH)]


async def _until_likely(town: Town, phone: Phone, number: str) -> None:
    """The lookup goes through a thread: let it come back."""
    for _ in range(200):
        await town.settle()
        if phone.service.likely(number):
            return
    raise AssertionError("the contact never becomes likely")


def test_the_whole_set_is_fetched_whoever_the_contacts_are() -> None:
    async def main() -> None:
        town = Town()
        Publisher(town.server).publish()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            assert await keeper(alice).refresh()
            assert sorted(town.server.fetched) == sorted(town.server.public)

    run(main())


def test_an_unchanged_build_is_not_fetched_again_and_a_new_one_by_its_change_alone() -> None:
    async def main() -> None:
        town = Town()
        publisher = Publisher(town.server)
        publisher.publish()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            assert await keeper(alice).refresh()
            town.server.fetched.clear()
            assert not await keeper(alice).refresh()
            assert town.server.fetched == [SETS_PATH]
            town.server.fetched.clear()

            publisher.enrol(BOB)
            publisher.publish()
            publisher.enrol(CAROL)
            manifest = publisher.publish()
            assert await keeper(alice).refresh()
            assert shards_fetched(town) == 2
            held = [alice.sets.shard(alice.line, sha256) for sha256 in manifest.sets[0].shards]
            assert None not in held

    run(main())


def test_a_change_that_leads_elsewhere_costs_a_download_and_nothing_else() -> None:
    async def main() -> None:
        town = Town()
        publisher = Publisher(town.server)
        publisher.publish()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            await keeper(alice).refresh()
            publisher.places = sorted(publisher.places or [])[1:]
            publisher.enrol(BOB)
            manifest = publisher.publish()
            assert await keeper(alice).refresh()
            held = [alice.sets.shard(alice.line, sha256) for sha256 in manifest.sets[0].shards]
            assert None not in held

    run(main())


def test_what_is_held_stays_when_the_server_lies_or_is_silent() -> None:
    async def main() -> None:
        town = Town()
        publisher = Publisher(town.server, strangers=100)
        manifest = publisher.publish(built=100 * HOUR)
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            await keeper(alice).refresh()
            before = alice.sets.manifest(alice.line)
            (index,) = manifest.sets

            publisher.show(Manifest(version=1, built=99 * HOUR, sets=manifest.sets))
            assert not await keeper(alice).refresh()
            stranger = sign_manifest(Manifest(version=1, built=101 * HOUR, sets=[index]), town.server.certificate_key)
            town.server.public[SETS_PATH] = stranger
            with pytest.raises(SetError, match="not signed"):
                await keeper(alice).refresh()
            town.server.public[SETS_PATH] = b" " * (LIMITS.set_manifest_bytes + 1)
            with pytest.raises(UnreachableError, match="longer"):
                await keeper(alice).refresh()

            other = SetIndex(epoch=EPOCH, count=1, universe_bits=40, shard_bits=0, shards=[bytes(32)])
            publisher.show(Manifest(version=1, built=101 * HOUR, sets=[other]))
            with pytest.raises(ProblemError):
                await keeper(alice).refresh()
            town.server.public[f"{SET_BLOBS_PATH}/{bytes(32).hex()}"] = b"not of this hash"
            with pytest.raises(SetError, match="another piece"):
                await keeper(alice).refresh()
            lying = publisher.blob(b"\1" + b"\xff" * 30)
            other = SetIndex(epoch=EPOCH, count=1, universe_bits=40, shard_bits=0, shards=[lying])
            publisher.show(Manifest(version=1, built=101 * HOUR, sets=[other]))
            with pytest.raises(SetError, match="another one"):
                await keeper(alice).refresh()
            huge = SetIndex(epoch=EPOCH, count=2**26, universe_bits=56, shard_bits=0, shards=[lying])
            publisher.show(Manifest(version=1, built=101 * HOUR, sets=[huge]))
            with pytest.raises(SetError, match="larger"):
                await keeper(alice).refresh()

            publisher.publish(built=102 * HOUR)
            alice.sets.full = True
            publisher.enrol(BOB)
            publisher.publish(built=106 * HOUR)
            with pytest.raises(CacheError):
                await keeper(alice).refresh()
            assert alice.sets.manifest(alice.line) == before

    run(main())


def test_a_failure_is_tried_again_an_hour_later_and_a_reconnect_fetches_nothing() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            await town.pass_time(FIRST_S)
            assert town.server.fetched == [SETS_PATH]
            Publisher(town.server, strangers=3).publish()
            await town.pass_time(RETRY_S + FIRST_S + 1)
            await town.settle()
            assert len(town.server.fetched) == 3
            town.server.stop()
            town.server.off = False
            await town.pass_time(FIRST_S)
            assert len(town.server.fetched) == 3
            await town.pass_time(LIMITS.set_build_s + SPREAD_S)
            assert len(town.server.fetched) == 4

    run(main())


def test_a_line_that_left_keeps_no_set() -> None:
    async def main() -> None:
        town = Town()
        Publisher(town.server, strangers=3).publish()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            await keeper(alice).refresh()
            assert alice.sets.manifests
            await alice.service.opt_out()
            assert (alice.sets.manifests, alice.sets.shards) == ({}, {})

    run(main())


def test_a_build_of_the_future_gives_way_once_the_clock_is_right() -> None:
    async def main() -> None:
        town = Town()
        publisher = Publisher(town.server, strangers=3)
        now = int(town.clock.wall())
        publisher.publish(built=now + 30 * DAY)
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            await keeper(alice).refresh()
            publisher.changes.clear()
            publisher.enrol(BOB)
            publisher.places = None
            publisher.publish(built=now)
            assert await keeper(alice).refresh()

    run(main())
