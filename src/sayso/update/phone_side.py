"""The phone's side: check, apply, roll back, recover.

What runs is never touched: a release is built beside it, and one rename puts it in force. Whatever goes wrong before
that is thrown away; what shows afterwards is switched back. Everything here settles first what a crash has left.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from msgspec import structs

from sayso.update.adapters.files import remove_tree, write_durably
from sayso.update.adapters.home import Home
from sayso.update.adapters.release_archive import read_archive_manifest
from sayso.update.core.channel import Channel, Choice, choose, is_revoked
from sayso.update.core.manifest import Manifest, way
from sayso.update.core.remedy import file_name, notice_of, write_notice
from sayso.update.core.steps import Generation, Recovery, Step, plan, recovery
from sayso.update.core.versions import read_version
from sayso.update.errors import ApplyError, HomeError, ReleaseError
from sayso.update.ports import Boundary, Mirror, Progress, Slots

_FAILED_HEALTH: Final = "its health check failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What an update or roll-back came to."""

    before: str
    after: str
    remedy: bool
    """The release changed a default: the person has something to read."""
    restart: bool
    """A phone runs, still with the release before; it has to be started anew."""


def _silent(_name: str) -> None:
    """No boundary."""


def _no_progress(_what: str, _done: int, _whole: int) -> None:
    """No progress."""


class PhoneSide:
    """Updates of one installation."""

    def __init__(self, home: Home, slots: Slots, *, boundary: Boundary = _silent) -> None:
        """Put it together; nothing is read yet.

        Args:
            home: the directory.
            slots: builds environments.
            boundary: called after each durable step; for the crash tests.
        """
        self._home = home
        self._slots = slots
        self._boundary = boundary

    def check(self, mirror: Mirror) -> tuple[Channel, Choice]:
        """Ask the mirror what there is for this phone; changes nothing that runs.

        Raises:
            RefusedError, UnreachableError, ReleaseError, GateClosedError: as the port says.
            HomeError: nothing is installed.
        """
        installed = self._installed()
        channel = mirror.refresh(not_before=self._home.floor())
        self._home.raise_floor(channel.signed_at)
        choice = choose(
            channel,
            installed=read_version(installed.version),
            secret=self._home.secret(),
            failed=self._home.failed(),
        )
        return channel, choice

    def update(self, mirror: Mirror, *, progress: Progress = _no_progress) -> Applied | None:
        """Check, fetch and apply; None where there is nothing for this phone.

        Raises:
            ApplyError: the release could not be put in force; the one before is.
            Otherwise as `check` and `Mirror.fetch`.
        """
        with self._home.locked():
            self._recover()
            _, choice = self.check(mirror)
            if choice.take is None:
                return None
            archive = mirror.fetch(choice.take.target, progress)
            self._boundary("fetched")
            manifest = read_archive_manifest(archive)
            if manifest.version != choice.take.version:
                raise ApplyError("the release names another version than the publisher's list")
            return self._apply(archive, manifest, progress)

    def install(self, archive: Path, *, progress: Progress = _no_progress) -> Applied:
        """Apply a release that lies on this machine: the first one of an installation.

        Raises:
            HomeError: something is installed already.
            ApplyError: it could not be put in force.
            ReleaseError: it is no release.
        """
        with self._home.locked():
            self._recover()
            if self._home.current() is not None:
                raise HomeError("a release is installed here already; `sayso update apply` brings the next one")
            manifest = read_archive_manifest(archive)
            first = Generation(number=1, slot="a", version=manifest.version, data=1, data_version=manifest.data_version)
            self._home.data(first).mkdir(mode=0o700, exist_ok=True)
            progress("build", 0, 1)
            self._slots.build(self._home.slot(first), archive, manifest)
            if not self._slots.is_healthy(self._home.slot(first), self._home.data(first), manifest):
                raise ApplyError(f"{manifest.version} cannot work on this machine: {_FAILED_HEALTH}")
            self._home.prepare(first)
            self._home.switch(first)
            self._home.raise_floor(manifest.built_at)
            return Applied(before="", after=first.version, remedy=False, restart=False)

    def roll_back(self, *, channel: Channel | None = None) -> Applied:
        """Go back to the release before, with the data as they are now, taken back where they changed.

        Args:
            channel: what the mirror last said, to refuse a release that was called back.

        Raises:
            HomeError: there is none to go back to, or a phone runs and the data would have to be taken back.
            ApplyError: it could not be put in force; the present one is.
            ReleaseError: the present release does not know the way back.
        """
        with self._home.locked():
            self._recover()
            present = self._installed()
            other = "b" if present.slot == "a" else "a"
            older = self._home.manifest(self._home.slot_named(other))
            if older is None:
                raise HomeError("there is no release before this one to go back to: a later try has used its place")
            if channel is not None and is_revoked(channel, older.version):
                raise HomeError(f"the publisher has called {older.version} back; it is not put in force again")
            newer = self._manifest_of(present)
            knows = newer if newer.data_version >= older.data_version else older
            self._change("rollback", present, older, knows)
            if read_version(newer.version) > read_version(older.version):
                self._home.note_failed(present.version, "the owner of this phone went back from it")
            return self._said(present, older, remedy=False)

    def recover(self) -> str | None:
        """Settle what a crash has left. Returns a sentence for the person, or None where nothing was left.

        Raises:
            HomeError: another update is under way.
        """
        with self._home.locked():
            return self._recover()

    def _apply(self, archive: Path, manifest: Manifest, progress: Progress) -> Applied:
        present = self._installed()
        progress("build", 0, 1)
        self._change(
            "update", present, manifest, manifest, build=lambda slot: self._slots.build(slot, archive, manifest)
        )
        self._home.raise_floor(manifest.built_at)
        archive.unlink(missing_ok=True)
        return self._said(present, manifest, remedy=manifest.remedy is not None)

    def _change(
        self,
        kind: Literal["update", "rollback"],
        before: Generation,
        manifest: Manifest,
        knows: Manifest,
        *,
        build: Callable[[Path], None] | None = None,
    ) -> None:
        """Put another release in force, or leave everything as it was."""
        planned = plan(before, data_version=manifest.data_version)
        if planned.copies_data and self._home.phone_runs(before):
            raise HomeError("this changes the phone's data: stop the phone, then try again")
        steps = way(knows, start=before.data_version, end=manifest.data_version)
        after = Generation(
            number=before.number + 1,
            slot=planned.slot,
            version=manifest.version,
            data=planned.data,
            data_version=manifest.data_version,
        )
        step = Step(kind=kind, before=before, after=after)
        teller = self._home.slot(after if knows is manifest else before)
        try:
            self._home.note(step)
            self._boundary("noted")
            if build is not None:
                build(self._home.slot(after))
                self._boundary("built")
            if planned.copies_data:
                self._home.copy_data(before, after)
                self._boundary("copied")
                self._slots.migrate(teller, self._home.data(after), steps)
                self._boundary("migrated")
            self._require_health(after, manifest)
            if kind == "update":
                self._leave_notice(after, manifest)
            self._home.prepare(after)
            self._boundary("prepared")
            self._home.switch(after)
        except OSError as error:
            self._throw_away(step)
            why = error.strerror or "the data could not be copied"
            raise ApplyError(f"{manifest.version} was not put in force, {before.version} is: {why}") from error
        except (ApplyError, ReleaseError) as error:
            self._throw_away(step)
            if kind == "update":
                self._home.note_failed(manifest.version, str(error))
            raise
        self._boundary("switched")
        self._try(step)

    def _require_health(self, after: Generation, manifest: Manifest) -> None:
        if not self._slots.is_healthy(self._home.slot(after), self._home.data(after), manifest):
            raise ApplyError(f"{manifest.version} cannot work on this machine: {_FAILED_HEALTH}")

    def _try(self, step: Step) -> None:
        """Check what has just been put in force; confirm it, or switch back."""
        manifest = self._home.manifest(self._home.slot(step.after))
        healthy = manifest is not None and self._slots.is_healthy(
            self._home.slot(step.after), self._home.data(step.after), manifest
        )
        self._boundary("tried")
        if not healthy:
            self._home.switch(step.before)
            self._boundary("switched-back")
            self._throw_away(step)
            if step.kind == "update":
                self._home.note_failed(step.after.version, _FAILED_HEALTH)
            raise ApplyError(f"{step.after.version} did not start as it should; {step.before.version} is back in force")
        self._home.note(structs.replace(step, confirmed=True))
        self._boundary("confirmed")
        self._tidy(step)

    def _tidy(self, step: Step) -> None:
        self._home.remove_generation(step.before, data_of=step.after)
        self._boundary("tidied")
        self._home.forget_step()

    def _throw_away(self, step: Step) -> None:
        # The slot of a roll-back holds a whole release, which stays.
        if step.kind == "update":
            remove_tree(self._home.slot(step.after))
        self._home.remove_generation(step.after, data_of=step.before)
        if step.after.data == step.before.data:
            (self._home.data(step.before) / file_name(step.after.version)).unlink(missing_ok=True)
        self._boundary("thrown-away")
        self._home.forget_step()

    def _recover(self) -> str | None:
        step, present = self._home.step(), self._home.current()
        if step is None or present is None:
            return None
        match recovery(step, current=present.number):
            case Recovery.THROW_AWAY:
                self._throw_away(step)
                return f"an update to {step.after.version} had been broken off; {present.version} is in force as before"
            case Recovery.TRY:
                try:
                    self._try(step)
                except ApplyError as error:
                    return str(error)
                return f"the update to {step.after.version} had been broken off at its end, and is complete now"
            case Recovery.TIDY:
                self._tidy(step)
                return None
            case Recovery.NOTHING:
                return None

    def _leave_notice(self, after: Generation, manifest: Manifest) -> None:
        """Before the switch: no phone of this release starts without having read it."""
        notice = notice_of(manifest)
        if notice is not None:
            write_durably(self._home.data(after) / file_name(manifest.version), write_notice(notice))
            self._boundary("notice-left")

    def _said(self, before: Generation, after: Manifest, *, remedy: bool) -> Applied:
        return Applied(
            before=before.version,
            after=after.version,
            remedy=remedy,
            restart=self._home.phone_runs(self._installed()),
        )

    def _installed(self) -> Generation:
        present = self._home.current()
        if present is None:
            raise HomeError("nothing is installed here yet: sayso update init")
        return present

    def _manifest_of(self, generation: Generation) -> Manifest:
        manifest = self._home.manifest(self._home.slot(generation))
        if manifest is None:
            raise HomeError("the release that runs has lost its manifest; install it anew")
        return manifest
