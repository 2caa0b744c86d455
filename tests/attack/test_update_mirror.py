"""A mirror that lies, and keys that were stolen: the phone refuses, runs on as before, and a person is told why."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sayso.update import publisher
from sayso.update.adapters.repository import Repository
from sayso.update.core.channel import TARGET, Channel, Listed, write_channel
from sayso.update.errors import RefusedError, UpdateError
from tests.fakes.update_world import DAY, EVERYONE, START, UpdateWorld, later


@pytest.fixture
def world(tmp_path: Path) -> UpdateWorld:
    """A phone with 1.0.0 that has once asked, when 1.1.0 was not out yet."""
    world = UpdateWorld(tmp_path)
    world.install()
    world.put_out("1.0.0")
    assert world.side().update(world.tuf()) is None
    return world


@contextmanager
def refused(world: UpdateWorld, *words: str) -> Iterator[None]:
    """What is inside is refused with these words; afterwards the phone is as it was."""
    before = world.version()
    with pytest.raises(UpdateError) as caught:
        yield
    assert any(word in str(caught.value) for word in words), str(caught.value)
    assert world.version() == before
    assert world.home.step() is None
    assert not list(world.home.downloads.glob("*.tar"))


def recovers(world: UpdateWorld, version: str) -> None:
    """With an honest mirror again, the phone gets there."""
    world.mirror.load(world.repo / "public")
    assert world.side().update(world.tuf()) is not None
    assert world.version() == version


def test_rollback_to_an_older_state(world: UpdateWorld) -> None:
    """The mirror replays all it had before: the phone has seen newer, and remembers."""
    older = dict(world.mirror.files)
    world.put_out("1.1.0")
    world.side().update(world.tuf())
    world.put_out("1.2.0")
    world.mirror.files = older
    with refused(world, "older than what this phone has seen"):
        world.side().update(world.tuf())
    recovers(world, "1.2.0")


def test_rollback_of_a_release_by_the_publishers_own_list(world: UpdateWorld) -> None:
    """Even a list that is signed cannot bring an older version: phones never go back by themselves."""
    world.put_out("1.1.0")
    world.side().update(world.tuf())
    channel = Channel(signed_at=int(START), releases=(Listed(version="1.0.0", share=EVERYONE),))
    Repository(world.repo).stage_targets(channel, {}, now=world.clock.wall())
    world.sign()
    world.publish()
    assert world.side().update(world.tuf()) is None
    assert world.version() == "1.1.0"


def test_freeze(world: UpdateWorld) -> None:
    """The mirror shows the same state for ever: after a week that is refused, and said."""
    frozen = dict(world.mirror.files)
    world.put_out("1.1.0")
    world.mirror.files = frozen
    world.clock.advance(6 * DAY)
    assert world.side().update(world.tuf()) is None
    world.clock.advance(2 * DAY)
    with refused(world, "somebody holds newer releases back"):
        world.side().update(world.tuf())
    world.publish()
    recovers(world, "1.1.0")


def test_freeze_with_the_phones_clock_set_back(world: UpdateWorld) -> None:
    """Somebody moves the clock back 400 days so that old metadata look young: signed dates say what has passed."""
    frozen = dict(world.mirror.files)
    world.clock.advance(10 * DAY)
    world.put_out("1.1.0")
    world.side().update(world.tuf())
    world.mirror.files = frozen
    world.clock.jump(-400 * DAY)
    with refused(world, "older than", "run out"):
        world.side().update(world.tuf())
    for file in world.home.tuf.glob("*.json"):
        if file.name != "root.json":
            file.unlink()  # even with TUF's memory gone
    with refused(world, "run out"):
        world.side().update(world.tuf())


@pytest.mark.parametrize("days", [400, -400])
def test_a_clock_400_days_off(world: UpdateWorld, days: int) -> None:
    """Too late: everything seems over, which is refused with the date named. Too early: it works, by signed dates."""
    world.put_out("1.1.0")
    world.clock.jump(days * DAY)
    if days > 0:
        with refused(world, "Look at the date first"):
            world.side().update(world.tuf())
        world.clock.jump(-days * DAY)
    recovers(world, "1.1.0")


@pytest.mark.parametrize("role", ["targets", "snapshot"])
def test_mix_and_match(world: UpdateWorld, role: str) -> None:
    """One role's metadata from another moment: versions and hashes in the others do not fit."""
    old = world.mirror.files[world.mirror.newest(role)]
    world.put_out("1.1.0")
    world.mirror.files[world.mirror.newest(role)] = old
    with refused(world, "older", "another file", "malformed"):
        world.side().update(world.tuf())
    recovers(world, "1.1.0")


@pytest.mark.parametrize("role", ["timestamp", "snapshot"])
def test_fast_forward(world: UpdateWorld, role: str) -> None:
    """A thief of an online key makes versions so high that nothing true is ever newer; a new root undoes it."""
    thief = world.signers(role)
    huge = 2**31
    if role == "timestamp":
        world.mirror.resign("timestamp", thief, version=huge)
    else:
        document = world.mirror.document("snapshot")["signed"]
        version = document["version"]
        assert isinstance(version, int)
        world.mirror.resign("snapshot", thief, version=huge)
        meta = {"snapshot.json": {"version": huge}}
        world.mirror.resign("timestamp", world.signers("timestamp"), version=99, meta=meta)
    world.side().check(world.tuf())
    world.put_out("1.1.0")
    with refused(world, "older than"):
        world.side().update(world.tuf())
    publisher.renew_root(
        world.repo, world.keys, replace=["snapshot", "timestamp"], passphrase=None, now=world.clock.wall()
    )
    world.sign("root-1", "root-2")
    world.publish(snapshot="snapshot.v2", timestamp="timestamp.v2")
    recovers(world, "1.1.0")


@pytest.mark.parametrize("role", ["root", "timestamp", "snapshot", "targets"])
def test_endless_data(world: UpdateWorld, role: str) -> None:
    """An answer without end is read up to what was promised, and not a piece further."""
    world.put_out("1.1.0")
    world.mirror.endless.add("metadata/2.root.json" if role == "root" else world.mirror.newest(role))
    with refused(world, "sends more than it may"):
        world.side().update(world.tuf())
    world.mirror.endless.clear()
    recovers(world, "1.1.0")


@pytest.mark.parametrize("name", ["sayso-1.1.0.tar", TARGET])
def test_endless_release(world: UpdateWorld, name: str) -> None:
    """The same for the release and for the list of releases."""
    world.put_out("1.1.0")
    world.mirror.endless |= {path for path in world.mirror.files if path.endswith(name)}
    with refused(world, "sends more than"):
        world.side().update(world.tuf())
    world.mirror.endless.clear()
    recovers(world, "1.1.0")


@pytest.mark.parametrize("name", ["sayso-1.1.0.tar", TARGET])
def test_another_file_under_the_right_name(world: UpdateWorld, name: str) -> None:
    """A release, or a list, that nobody has signed; of the same length, and cut short."""
    world.put_out("1.1.0")
    paths = [path for path in world.mirror.files if path.endswith(name)]
    for cut in (False, True):
        for path in paths:
            honest = world.mirror.files[path]
            world.mirror.files[path] = honest[:-1] if cut else bytes(len(honest))
        with refused(world, "another file", "broke off"):
            world.side().update(world.tuf())
        world.mirror.load(world.repo / "public")
    recovers(world, "1.1.0")


@pytest.mark.parametrize(
    "stolen",
    [
        ["timestamp"],
        ["snapshot"],
        ["targets-1"],
        ["targets-2"],
        ["root-1"],
        ["timestamp", "snapshot"],
        ["timestamp", "snapshot", "targets-1"],
    ],
)
def test_a_release_of_a_thief_of_too_few_keys(world: UpdateWorld, stolen: list[str]) -> None:
    """Who has these keys, and the mirror, signs a list and a release of his own; it takes both release signers."""
    evil = b"evil"
    content = write_channel(Channel(signed_at=int(START), releases=(Listed(version="6.6.6", share=EVERYONE),)))
    signed = {}
    for name, data in ((TARGET, content), ("sayso-6.6.6.tar", evil)):
        digest = hashlib.sha256(data).hexdigest()
        world.mirror.files[f"targets/{digest}.{name}"] = data
        signed[name] = {"length": len(data), "hashes": {"sha256": digest}}
    version = world.mirror.document("targets")["signed"]["version"]
    assert isinstance(version, int)
    # The online keys lie on a machine that is always reachable: they are his in any case.
    world.mirror.resign("targets", world.signers(*stolen), version=version + 1, targets=signed)
    meta: object = {"targets.json": {"version": version + 1}}
    world.mirror.resign("snapshot", world.signers("snapshot"), version=50, meta=meta)
    meta = {"snapshot.json": {"version": 50}}
    world.mirror.resign("timestamp", world.signers("timestamp"), version=50, meta=meta)
    with refused(world, "not signed by enough"):
        world.side().update(world.tuf())


def test_one_algorithm_broken(world: UpdateWorld) -> None:
    """Somebody can forge every Ed25519 signature, or every ML-DSA-65 one: both release signers, half of each."""
    world.put_out("1.1.0")
    honest = dict(world.mirror.files)
    for scheme in ("ed25519", "ml-dsa-65/1"):
        half = [one for one in world.signers("targets-1", "targets-2") if one.public_key.scheme == scheme]
        assert len(half) == 2
        world.mirror.resign("targets", half)
        with refused(world, "not signed by enough"):
            world.side().update(world.tuf())
        world.mirror.files = dict(honest)
    recovers(world, "1.1.0")


def test_a_root_signed_by_one_of_three(world: UpdateWorld) -> None:
    """The next root takes a role over, but only one holder of the old one has signed it."""
    evil = world.mirror.document("root")
    assert isinstance(evil["signed"]["version"], int)
    world.mirror.resign("root", world.signers("root-1"), version=2, expires=later(START, days=4000))
    with refused(world, "not signed by enough"):
        world.side().update(world.tuf())
    root = world.home.tuf / "root.json"
    assert b'"version": 1' in root.read_bytes().replace(b'"version":1', b'"version": 1')


def test_a_chain_of_roots_that_ends_in_the_past(world: UpdateWorld) -> None:
    """A root in the middle of the chain may be over; the last one may not."""
    world.clock.advance(300 * DAY)
    _renew(world, "targets-1", "targets-2")
    world.clock.advance(300 * DAY)  # root 1 is over by now, root 2 is not
    world.stage(world.release("1.1.0"))
    world.sign()
    world.publish()
    recovers(world, "1.1.0")
    world.clock.advance(100 * DAY)  # and now root 2 is
    world.put_out("1.2.0")
    with refused(world, "run out"):
        world.side().update(world.tuf())
    _renew(world, "targets-1", "targets-2")
    recovers(world, "1.2.0")


def test_keys_are_rotated_and_old_ones_are_worth_nothing(world: UpdateWorld) -> None:
    """After a rotation, what the old release signers sign is refused, and what the new ones sign is taken."""
    publisher.renew_root(
        world.repo, world.keys, replace=["targets-1", "targets-2"], passphrase=None, now=world.clock.wall()
    )
    world.sign("root-2", "root-3")
    publisher.renew_targets(world.repo, now=world.clock.wall())
    world.sign("targets-1.v2", "targets-2.v2")
    world.publish()
    assert world.side().update(world.tuf()) is None
    world.stage(world.release("1.1.0"))
    world.sign("targets-1.v2", "targets-2.v2")
    world.publish()
    world.mirror.resign("targets", world.signers("targets-1", "targets-2"))
    with refused(world, "not signed by enough"):
        world.side().update(world.tuf())
    recovers(world, "1.1.0")


def test_a_phone_that_slept_through_five_roots(tmp_path: Path) -> None:
    """It walks the chain from the root that it came with."""
    world = UpdateWorld(tmp_path)
    for turn in range(5):
        files = publisher.renew_root(
            world.repo, world.keys, replace=["root-3"], passphrase=None, now=world.clock.wall()
        )
        assert files[0].name == f"root-3.v{turn + 2}.pem"
        world.sign("root-1", "root-2")
        world.publish()
    world.install()
    world.put_out("1.1.0")
    recovers(world, "1.1.0")


def test_a_repository_of_somebody_else(world: UpdateWorld, tmp_path: Path) -> None:
    """A perfectly signed repository under other keys is nothing to this phone."""
    (tmp_path / "other").mkdir()
    other = UpdateWorld(tmp_path / "other")
    other.put_out("9.0.0")
    world.mirror.files = other.mirror.files
    with refused(world, "not signed by enough"):
        world.side().update(world.tuf())


@pytest.mark.parametrize("garbage", [b"", b"{}", b"\xff\xfe", b"[" * 10_000, b'{"signed": {}, "signatures": []}'])
@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_garbage(world: UpdateWorld, role: str, garbage: bytes) -> None:
    """What is no metadata at all is one of our errors, too."""
    world.put_out("1.1.0")
    world.mirror.files[world.mirror.newest(role)] = garbage
    with pytest.raises(RefusedError):
        world.side().update(world.tuf())
    recovers(world, "1.1.0")


def _renew(world: UpdateWorld, *signers: str) -> None:
    publisher.renew_root(world.repo, world.keys, replace=[], passphrase=None, now=world.clock.wall())
    world.sign("root-1", "root-2")
    publisher.renew_targets(world.repo, now=world.clock.wall())
    world.sign(*signers)
    world.publish()


def test_a_second_installation_trusts_its_own_root_only(tmp_path: Path) -> None:
    """What TUF has stored is not what is believed: the root that was installed is where each check begins."""
    world = UpdateWorld(tmp_path)
    world.install()
    world.put_out("1.1.0")
    (tmp_path / "elsewhere").mkdir()
    other = UpdateWorld(tmp_path / "elsewhere")
    world.home.tuf.joinpath("root.json").unlink(missing_ok=True)
    root = (other.repo / "public" / "metadata" / "1.root.json").read_bytes()
    world.home.tuf.joinpath("root.json").write_bytes(root)
    recovers(world, "1.1.0")
