"""From SQLite's errors to ours. Messages name the kind of fault, never a value."""

import errno
from typing import Final

import apsw

from sayso.server.errors import CorruptError, NoSpaceError, StoreError

_NO_SPACE_ERRNO: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
# Before anything was made durable. A failed fsync is not among them: what it lost nobody can tell.
_NO_SPACE_CODES: Final = frozenset({apsw.SQLITE_IOERR_WRITE, apsw.SQLITE_IOERR_SHMSIZE, apsw.SQLITE_IOERR_SHMMAP})
_BAD_SECTOR_CODES: Final = frozenset(
    {apsw.SQLITE_IOERR_READ, apsw.SQLITE_IOERR_SHORT_READ, apsw.SQLITE_IOERR_CORRUPTFS, apsw.SQLITE_IOERR_DATA}
)


def translate(error: apsw.Error, *, system_errno: int) -> StoreError:
    """Return the StoreError that an error of SQLite means; `system_errno` is the connection's last errno."""
    code = _code(error)
    if isinstance(error, apsw.FullError) or (code in _NO_SPACE_CODES and system_errno in _NO_SPACE_ERRNO):
        return NoSpaceError("the disk is full: free some space; nothing of this was stored")
    if is_damage(error):
        return CorruptError("the mailbox database is damaged: stop the server and check the disk")
    return StoreError(f"the mailbox database failed ({type(error).__name__}): check the disk, then start anew")


def is_damage(error: apsw.Error) -> bool:
    """Whether a page is not what was written, or cannot be read back."""
    return isinstance(error, (apsw.CorruptError, apsw.NotADBError)) or _code(error) in _BAD_SECTOR_CODES


def _code(error: apsw.Error) -> int:
    """SQLite's extended code; what apsw raises by itself has none."""
    code: int = getattr(error, "extendedresult", apsw.SQLITE_ERROR)
    return code
