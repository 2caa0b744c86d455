"""The mark that tells an older copy of the store: a small file outside the phone's data directory.

$XDG_STATE_HOME/sayso/marks/NAME    one for each store; ~/.local/state where the variable is not set

NAME is a digest of the store's key file, so that a copy of the directory, wherever it lies, meets the mark of its
original. The line in it is shorter than a sector and written in place: a crash leaves the old one or the new one.
"""

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from sayso.phone.adapters.store_key import PLAIN_NAME, SEALED_NAME
from sayso.phone.errors import StoreLockedError

_DIGITS: Final = 20
_UNUSABLE: Final = (
    "the mark that tells an older copy of this phone cannot be kept; choose another directory with --mark-dir"
)


def usual_directory() -> Path:
    """Where marks lie, by the XDG convention."""
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "sayso" / "marks"


class MarkFile:
    """The Mark port for one store."""

    def __init__(self, directory: Path, data: Path) -> None:
        """Name the mark; makes nothing yet.

        Args:
            directory: of all marks.
            data: the phone's data directory, with its key file in it.

        Raises:
            StoreLockedError: there is no key file, or it cannot be read.
        """
        self._path: Final = directory / _name(data)

    def read(self) -> int | None:
        """Return what was noted last; None where there is none, or none that can be read."""
        try:
            written = self._path.read_bytes()[: _DIGITS + 2]
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreLockedError(_UNUSABLE) from error
        digits = written.removesuffix(b"\n")
        return int(digits) if len(digits) == _DIGITS and digits.isdigit() else None

    def advance(self, moves: int) -> None:
        """Note a higher count; durable when this returns."""
        try:
            if not self._path.exists():
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                written = os.pwrite(handle, b"%0*d\n" % (_DIGITS, moves), 0)
                os.fdatasync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise StoreLockedError(_UNUSABLE) from error
        if written != _DIGITS + 1:
            raise StoreLockedError(_UNUSABLE)


def forget_mark(directory: Path, data: Path) -> bool:
    """Remove the mark of a store that is to be wiped. False: there is none in this directory."""
    with suppress(StoreLockedError, FileNotFoundError, NotADirectoryError):
        (directory / _name(data)).unlink()
        return True
    return False


def _name(data: Path) -> str:
    for file in (SEALED_NAME, PLAIN_NAME):
        with suppress(FileNotFoundError):
            try:
                return hashlib.sha256(b"sayso mark\0" + (data / file).read_bytes()).hexdigest()[:32]
            except FileNotFoundError:
                raise
            except OSError as error:
                raise StoreLockedError("the key file of the phone's store cannot be read") from error
    raise StoreLockedError("the key of this store is missing; put its key file back, or wipe the directory")
