"""Builds of the enrolled set: their hours, their members, their chain of changes."""

import random
from dataclasses import replace

import pytest

from sayso.consent.policy import current_policy
from sayso.protocol import enrolled_set
from sayso.protocol.ids import Token
from sayso.protocol.limits import HOUR, LIMITS
from sayso.protocol.set_manifest import Manifest, SetIndex
from sayso.server.core.directory import Enrolment
from sayso.server.core.retiring import KeyKind, Retiring
from sayso.server.core.set_build import MadeSet, SetWork
from sayso.server.core.set_schedule import build_hour
from sayso.server.errors import NoSpaceError, ServerError, StoreError
from sayso.server.services.enrolled_set import EnrolledSet
from sayso.server.services.identity import ServerIdentity
from tests.aio import run
from tests.contract.directory_store import a_pending, departed, enrol
from tests.fakes.control_world import SeededRandom, ServerClock, secrets
from tests.fakes.directory import MemoryDirectory
from tests.fakes.discovery import InlineWorkshop, MemoryDiscovery, MemorySetFiles

STREAM = "ws://127.0.0.1:1/v1/stream"


class Town:
    """A server's directory, its clock, its sets."""

    def __init__(self) -> None:
        self.clock = ServerClock()
        self.directory = MemoryDirectory()
        self.store = MemoryDiscovery(self.directory)
        self.files = MemorySetFiles()
        self.identity = ServerIdentity(secrets(), policy=current_policy(), stream=STREAM, clock=self.clock)
        self.sets = self.restarted()
        self._drawn = random.Random(8)

    def restarted(self) -> EnrolledSet:
        sets = EnrolledSet(
            identity=self.identity,
            store=self.store,
            files=self.files,
            workshop=InlineWorkshop(),
            clock=self.clock,
            random=SeededRandom(),
            running=self.clock.running,
        )
        run(sets.open())
        self.sets = sets
        return sets

    def join(self, *, findable: str = "everyone", epoch: int = 5) -> Enrolment:
        token = bytes([epoch]) + self._drawn.randbytes(32)
        pending = a_pending(token=token, now=self.clock.running())
        pending = replace(pending, findable="everyone" if findable == "everyone" else "nobody")
        return run(enrol(self.directory, pending, now=self.clock.running()))

    def build(self, hours: float = 4) -> Manifest:
        self.clock.seconds += hours * HOUR
        assert run(self.sets.build_if_due())
        return self.manifest

    @property
    def manifest(self) -> Manifest:
        assert self.sets.document is not None
        return self.identity.read_manifest(self.sets.document)

    def places(self, index: SetIndex) -> list[int]:
        found = []
        for place, sha256 in enumerate(index.shards):
            blob = run(self.sets.blob(sha256))
            assert blob is not None
            shard = enrolled_set.decode_shard(blob, epoch=index.epoch, shape=index.shape, index=place)
            found += [(place << index.shape.local_bits) + local for local in shard]
        return found

    def holds(self, token: Token) -> bool:
        index = self.manifest.of_epoch(token[0])
        return index is not None and index.shape.place(token) in self.places(index)


def test_before_the_first_build_there_is_no_set() -> None:
    assert Town().sets.document is None


def test_a_line_enters_and_leaves_at_the_next_build_and_not_between() -> None:
    town = Town()
    town.build()
    line, hidden = town.join(), town.join(findable="nobody")
    assert not run(town.sets.build_if_due())
    assert not town.holds(line.token)
    assert town.build().built == build_hour(town.clock.wall())
    assert (town.holds(line.token), town.holds(hidden.token)) == (True, False)
    run(town.directory.withdraw(departed(line)))
    assert not run(town.sets.build_if_due())
    assert town.holds(line.token)
    town.build()
    assert not town.holds(line.token)


def test_a_restart_builds_nothing_and_goes_on_from_what_is_there() -> None:
    town = Town()
    town.join()
    before = town.build()
    town.restarted()
    assert town.manifest == before
    assert not run(town.sets.build_if_due())
    town.join()
    after = town.build()
    assert [step.since for step in after.sets[0].changes] == [before.built]


def test_a_build_signed_by_another_key_counts_as_none() -> None:
    town = Town()
    town.build()
    town.identity = ServerIdentity(secrets(8), policy=current_policy(), stream=STREAM, clock=town.clock)
    assert town.restarted().document is None
    assert run(town.sets.build_if_due())
    assert town.manifest.sets[0].changes == []


def test_changes_lead_from_each_build_to_the_next_for_a_week() -> None:
    town = Town()
    lines = [town.join() for _ in range(50)]
    kept = {}
    for _ in range(LIMITS.set_changes + 3):
        run(town.directory.withdraw(departed(lines.pop(0))))
        lines.append(town.join())
        town.build()
        kept[town.manifest.built] = town.places(town.manifest.sets[0])
    index = town.manifest.sets[0]
    assert len(index.changes) == LIMITS.set_changes
    places = kept[index.changes[0].since]
    for step in index.changes:
        assert kept[step.since] == places
        blob = run(town.sets.blob(step.sha256))
        assert blob is not None
        change = enrolled_set.decode_change(blob, epoch=5, universe_bits=index.universe_bits)
        places = enrolled_set.apply_change(places, change)
    assert places == town.places(index)


def test_each_live_epoch_has_a_set_of_its_own_the_current_one_first() -> None:
    town = Town()
    both = secrets()
    both.retiring.append(Retiring(kind=KeyKind.VOPRF, number=4, key=bytes(range(32))))
    town.identity.use(both)
    old, new, dead = town.join(epoch=4), town.join(), town.join(epoch=3)
    assert [one.epoch for one in town.build().sets] == [5, 4]
    assert [town.holds(line.token) for line in (old, new, dead)] == [True, True, False]
    town.identity.use(secrets())
    assert [one.epoch for one in town.build().sets] == [5]


def test_an_empty_server_has_an_empty_set() -> None:
    town = Town()
    index = town.build().sets[0]
    assert (index.epoch, index.count, len(index.shards)) == (5, 0, 1)


def test_the_moment_a_lapsed_line_leaves_is_kept_before_the_set_is_shown() -> None:
    town = Town()
    line = town.join()
    town.build(hours=LIMITS.lease_s / HOUR + 4)
    moment = run(town.store.leaves_at(line.device))
    assert moment is not None
    assert town.holds(line.token)
    town.build()
    assert run(town.store.leaves_at(line.device)) == moment
    town.clock.seconds += moment - town.clock.running()
    town.build()
    assert not town.holds(line.token)


class _Broken(InlineWorkshop):
    async def make(self, work: SetWork) -> MadeSet:
        del work
        raise ServerError("the process died")


def test_a_build_that_fails_leaves_the_one_before() -> None:
    town = Town()
    town.join()
    before = town.build()
    town.clock.seconds += 4 * HOUR
    town.files.trouble = StoreError("the disk failed")
    assert not run(town.sets.build_if_due())
    assert town.manifest == before
    town.files.trouble = NoSpaceError("the disk is full")
    with pytest.raises(NoSpaceError):
        run(town.sets.build_if_due())
    town.files.trouble = None
    town.sets._workshop = _Broken()
    assert not run(town.sets.build_if_due())
    town.sets._workshop = InlineWorkshop()
    assert run(town.sets.build_if_due())
    assert town.manifest.built > before.built
