"""The publishing side: nobody publishes alone, versions go one way, and what runs out is said in time."""

from pathlib import Path

import pytest
from tuf.api.metadata import Metadata

from sayso.update import publisher
from sayso.update.errors import PublishError
from tests.fakes.update_world import DAY, UpdateWorld


@pytest.fixture
def world(tmp_path: Path) -> UpdateWorld:
    return UpdateWorld(tmp_path)


def test_a_new_repository_can_be_served_at_once(world: UpdateWorld) -> None:
    seen = publisher.overview(world.repo, now=world.clock.wall())
    assert seen.published
    assert seen.releases == ()
    assert {reminder.urgency for reminder in seen.reminders} == {"fine"}
    root = Metadata.from_file(str(world.repo / "public/metadata/1.root.json")).signed
    assert len(root.roles["root"].keyids) == 6
    assert root.roles["root"].threshold == 4
    assert {key.scheme for key in root.keys.values()} == {"ed25519", "ml-dsa-65/1"}
    assert root.consistent_snapshot


def test_keys_are_for_their_holder_only_and_never_overwritten(world: UpdateWorld) -> None:
    assert all(file.stat().st_mode & 0o077 == 0 for file in world.keys.iterdir())
    with pytest.raises(PublishError, match="already"):
        publisher.make_repository(world.repo, world.keys, passphrase=None, now=0)
    with pytest.raises(PublishError, match="never overwritten"):
        publisher.make_repository(world.folder / "other", world.keys, passphrase=None, now=world.clock.wall())


def test_what_one_of_two_has_signed_is_not_published(world: UpdateWorld) -> None:
    world.stage(world.release("1.0.0"))
    before = {path: path.read_bytes() for path in (world.repo / "public").rglob("*") if path.is_file()}
    world.sign("targets-1")
    (waiting,) = publisher.overview(world.repo, now=world.clock.wall()).waiting
    assert (waiting.signed, waiting.missing, waiting.unsigned) == (("targets-1",), 1, ("targets-2",))
    with pytest.raises(PublishError, match="2 of 2 holders"):
        world.publish()
    assert {path: path.read_bytes() for path in (world.repo / "public").rglob("*") if path.is_file()} == before
    world.sign("targets-2")
    world.publish()
    assert publisher.overview(world.repo, now=world.clock.wall()).waiting == ()


def test_signing_twice_counts_once(world: UpdateWorld) -> None:
    world.stage(world.release("1.0.0"))
    world.sign("targets-1", "targets-1")
    with pytest.raises(PublishError):
        world.publish()


def test_a_change_after_a_signature_takes_the_signature_away(world: UpdateWorld) -> None:
    world.stage(world.release("1.0.0"), share=0)
    world.sign("targets-1")
    publisher.set_share(world.repo, None, share=100, now=world.clock.wall())
    world.sign("targets-2")
    with pytest.raises(PublishError):
        world.publish()


def test_a_key_that_may_not_sign_is_told(world: UpdateWorld) -> None:
    world.stage(world.release("1.0.0"))
    with pytest.raises(PublishError, match="nothing is staged"):
        world.sign("root-1")


def test_a_version_is_used_once_and_they_go_up(world: UpdateWorld) -> None:
    world.put_out("1.1.0")
    for version in ("1.1.0", "1.0.0"):
        with pytest.raises(PublishError, match="not newer"):
            world.stage(world.release(version))


def test_a_release_from_the_future_is_not_staged(world: UpdateWorld) -> None:
    """Phones believe that its date has passed; what is signed today would be over for them."""
    archive = world.release("1.0.0")
    world.clock.jump(-10 * DAY)
    with pytest.raises(PublishError, match="future"):
        world.stage(archive)


def test_roll_out_and_calling_back(world: UpdateWorld) -> None:
    world.put_out("1.0.0", share=0)
    assert publisher.set_share(world.repo, None, share=500, now=world.clock.wall()) == "1.0.0"
    world.sign()
    world.publish()
    assert publisher.overview(world.repo, now=world.clock.wall()).releases[0].share == 500
    publisher.revoke(world.repo, "1.0.0", now=world.clock.wall())
    world.sign()
    world.publish()
    (listed,) = publisher.overview(world.repo, now=world.clock.wall()).releases
    assert (listed.revoked, listed.share) == (True, 0)
    assert "sayso-1.0.0.tar" not in world.mirror.document("targets")["signed"]["targets"]  # type: ignore[operator]
    with pytest.raises(PublishError):
        publisher.set_share(world.repo, "1.0.0", share=1, now=world.clock.wall())
    with pytest.raises(PublishError):
        publisher.revoke(world.repo, "9.0.0", now=world.clock.wall())


def test_a_lost_holder_is_replaced_by_the_other_two(world: UpdateWorld) -> None:
    world.put_out("1.0.0")
    files = publisher.renew_root(
        world.repo, world.keys, replace=["root-3", "targets-2"], passphrase=None, now=world.clock.wall()
    )
    assert [file.name for file in files] == ["root-3.v2.pem", "targets-2.v2.pem"]
    with pytest.raises(PublishError, match="waits for signatures"):
        publisher.renew_root(world.repo, world.keys, replace=[], passphrase=None, now=world.clock.wall())
    world.sign("root-1")
    with pytest.raises(PublishError, match="two holders of the old root"):
        world.publish()
    world.sign("root-2")
    with pytest.raises(PublishError, match="targets needs the signatures"):
        world.publish()  # the new release signer has not signed what is published yet
    publisher.renew_targets(world.repo, now=world.clock.wall())
    world.sign("targets-1", "targets-2.v2")
    world.publish()
    assert Metadata.from_file(str(world.repo / "public/metadata/2.root.json")).signed.version == 2
    with pytest.raises(PublishError):
        publisher.renew_root(world.repo, world.keys, replace=["nobody"], passphrase=None, now=world.clock.wall())


def test_it_reminds_before_something_runs_out_and_a_timer_keeps_it_fresh(world: UpdateWorld) -> None:
    world.clock.advance(5 * DAY)
    seen = publisher.overview(world.repo, now=world.clock.wall())
    assert (seen.reminders[0].role, seen.reminders[0].urgency) == ("timestamp", "soon")
    world.publish()
    seen = publisher.overview(world.repo, now=world.clock.wall())
    assert {reminder.urgency for reminder in seen.reminders} == {"fine"}
    world.clock.advance(400 * DAY)
    seen = publisher.overview(world.repo, now=world.clock.wall())
    assert {reminder.urgency for reminder in seen.reminders} == {"over"}


def test_published_files_keep_their_content_under_their_name(world: UpdateWorld) -> None:
    world.put_out("1.0.0")
    before = dict(world.mirror.files)
    world.put_out("1.1.0")
    changed = {path for path, content in before.items() if world.mirror.files.get(path) != content}
    assert changed == {"metadata/timestamp.json"}


def test_a_folder_that_is_no_repository_is_told(tmp_path: Path) -> None:
    with pytest.raises(PublishError, match="no repository"):
        publisher.overview(tmp_path / "nowhere", now=0)
