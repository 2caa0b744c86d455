"""The Mirror port by TUF: python-tuf checks what is signed; this module asks, resumes downloads, and tells why not."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    LengthOrHashMismatchError,
    RepositoryError,
    SlowRetrievalError,
    UnsignedMetadataError,
)
from tuf.api.metadata import TargetFile
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

from sayso.consent.errors import GateClosedError
from sayso.update.adapters.files import sync_directory
from sayso.update.adapters.gate_fetcher import Answer
from sayso.update.core.channel import MAX_BYTES, TARGET, Channel, read_channel
from sayso.update.errors import ApplyError, RefusedError, UnreachableError
from sayso.update.ports import Progress

_OK: Final = 200
_PARTIAL: Final = 206
_NOT_SATISFIABLE: Final = 416
_ROOM: Final = 3
"""A release needs its own size three times: the archive, its wheels, and what is in them."""


class Fetcher(Protocol):
    """What the mirror needs of a fetcher beside python-tuf's interface."""

    def open(self, url: str, *, offset: int = 0) -> Answer:
        """Ask for a URL, from a byte on."""
        ...


class TufMirror:
    """One repository, as this phone knows it."""

    def __init__(
        self,
        fetcher: FetcherInterface,
        opener: Fetcher,
        url: str,
        *,
        root: bytes,
        known: Path,
        downloads: Path,
        wall: Callable[[], float],
    ) -> None:
        """Make a mirror; nothing is sent yet.

        Args:
            fetcher: for metadata and the channel.
            opener: for releases; the same object in production.
            url: where `metadata/` and `targets/` are.
            root: the root of trust that came with the installation.
            known: directory in which TUF keeps what it has seen.
            downloads: directory for releases.
            wall: Unix seconds.
        """
        self._fetcher = fetcher
        self._opener = opener
        self._url = url.rstrip("/")
        self._root = root
        self._known = known
        self._downloads = downloads
        self._wall = wall
        self._updater: Updater | None = None

    def refresh(self, *, not_before: float) -> Channel:
        """Fetch and check what is signed; as in the port."""
        with _told():
            updater = Updater(
                str(self._known),
                f"{self._url}/metadata/",
                target_base_url=f"{self._url}/targets/",
                fetcher=self._fetcher,
                config=UpdaterConfig(),
                bootstrap=self._root,
            )
            # python-tuf reads the clock itself. A clock that was set back must not make old metadata young again.
            moment = datetime.fromtimestamp(max(self._wall(), not_before), UTC)
            updater._trusted_set.reference_time = moment  # noqa: SLF001  there is no other way in
            try:
                updater.refresh()
            finally:
                self._keep()
            info = updater.get_targetinfo(TARGET)
            if info is None or info.length > MAX_BYTES:
                raise RefusedError("the publisher has signed no list of releases")
            path = updater.download_target(info, str(self._known / TARGET))
        self._updater = updater
        return read_channel(Path(path).read_bytes())

    def fetch(self, target: str, progress: Progress) -> Path:
        """Fetch a release; as in the port."""
        if self._updater is None:
            raise LookupError("refresh comes first")
        with _told():
            info = self._updater.get_targetinfo(target)
            if info is None:
                raise RefusedError("the release is on the publisher's list, and not among what is signed")
            done = self._downloads / f"{info.hashes['sha256']}.tar"
            self._drop_others(done)
            if not _holds(done, info):
                self._require_room(info.length - _size(done.with_suffix(".part")))
                try:
                    self._download(info, done, progress)
                except OSError as error:
                    if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                        raise
                    raise _no_room() from error
        return done

    def _download(self, info: TargetFile, done: Path, progress: Progress) -> None:
        part = done.with_suffix(".part")
        resumed = 0 < _size(part) <= info.length
        if not resumed:
            part.unlink(missing_ok=True)
        self._receive(info, part, progress)
        if not _holds(part, info):
            # What was there before may have been the wrong half; one try with all of it tells.
            part.unlink()
            if not resumed:
                raise RefusedError("the mirror gives another file than the one that is signed")
            self._receive(info, part, progress)
            if not _holds(part, info):
                part.unlink()
                raise RefusedError("the mirror gives another file than the one that is signed")
        part.replace(done)
        sync_directory(done.parent)

    def _receive(self, info: TargetFile, part: Path, progress: Progress) -> None:
        offset = _size(part)
        if offset == info.length:
            return
        url = f"{self._url}/targets/{info.get_prefixed_paths()[0]}"
        answer = self._opener.open(url, offset=offset)
        if answer.status == _NOT_SATISFIABLE and offset:
            part.unlink()
            answer, offset = self._opener.open(url), 0
        if answer.status == _PARTIAL and not answer.fields.get("content-range", "").startswith(f"bytes {offset}-"):
            raise UnreachableError("the mirror went on at another place than it was asked to")
        if answer.status == _OK:
            offset = 0
        elif answer.status != _PARTIAL:
            raise UnreachableError(f"the mirror answers {answer.status} for the release")
        with part.open("r+b" if offset else "wb") as stream:
            stream.seek(offset)
            try:
                _write(stream, answer.pieces, info.length, offset, progress)
            finally:
                stream.flush()
                os.fsync(stream.fileno())  # what came stays, so that the next try goes on from here

    def _require_room(self, missing: int) -> None:
        if shutil.disk_usage(self._downloads).free < missing * _ROOM:
            raise _no_room()

    def _drop_others(self, wanted: Path) -> None:
        for other in self._downloads.iterdir():
            if other.stem != wanted.stem:
                other.unlink()

    def _keep(self) -> None:
        """Make durable what python-tuf has written: it is the memory that a rolled-back mirror is caught by."""
        for folder in (self._known, self._known / "root_history"):
            for file in folder.iterdir() if folder.exists() else ():
                if file.is_file():
                    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
                    os.fsync(descriptor)
                    os.close(descriptor)
        sync_directory(self._known)


def _write(stream: BinaryIO, pieces: Iterator[bytes], length: int, offset: int, progress: Progress) -> None:
    for piece in pieces:
        if offset + len(piece) > length:
            raise RefusedError("the mirror sends more than was signed; the rest was not read")
        stream.write(piece)
        offset += len(piece)
        progress("download", offset, length)
    if offset < length:
        raise UnreachableError("the mirror broke off; the next try goes on from there")


def _holds(path: Path, info: TargetFile) -> bool:
    try:
        with path.open("rb") as stream:
            info.verify_length_and_hashes(stream)
    except (FileNotFoundError, LengthOrHashMismatchError):
        return False
    return True


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _no_room() -> ApplyError:
    return ApplyError("there is not enough room for the release; delete something, then try again. What runs, runs on")


@contextmanager
def _told() -> Iterator[None]:
    """Turn python-tuf's errors into ours, which tell a person what is wrong."""
    try:
        yield
    except ExpiredMetadataError as error:
        raise RefusedError(
            "what the mirror gives has run out: somebody holds newer releases back, the publisher sleeps, or this "
            "machine's date is wrong. Look at the date first"
        ) from error
    except BadVersionNumberError as error:
        raise RefusedError("the mirror gives something older than what this phone has seen already") from error
    except UnsignedMetadataError as error:
        raise RefusedError("what the mirror gives is not signed by enough of the people who have to") from error
    except LengthOrHashMismatchError as error:
        raise RefusedError("the mirror gives another file than the one that is signed") from error
    except DownloadLengthMismatchError as error:
        raise RefusedError("the mirror sends more than it may; the rest was not read") from error
    except SlowRetrievalError as error:
        raise UnreachableError("the mirror is too slow; it is tried again later") from error
    except DownloadError as error:
        if isinstance(error.__cause__, GateClosedError):
            raise error.__cause__ from None
        raise UnreachableError("the mirror does not answer; it is tried again later") from error
    except RepositoryError as error:
        raise RefusedError("what the mirror gives is malformed") from error
