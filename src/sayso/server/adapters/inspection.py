"""Counts in a server's files, read beside a server that runs or without one. Only counts leave this module."""

import re
from pathlib import Path
from typing import Final

import apsw

from sayso.server.errors import StoreError

_BUSY_MS: Final = 2000
DIRECTORY: Final = {
    "lines": "SELECT count(*) FROM enrolments",
    "lines_asleep": "SELECT count(*) FROM enrolments WHERE lease_ends <= :now",
    "lines_without_current_consent": "SELECT count(*) FROM enrolments WHERE policy_sha256 != :policy",
    "lines_findable_by_nobody": "SELECT count(*) FROM enrolments WHERE findable != 'everyone'",
    "lines_with_a_newcomer": "SELECT count(*) FROM newcomers WHERE until > :now",
    "codes_pending": "SELECT count(*) FROM pending_enrolments WHERE expires > :now",
    "one_time_keys": "SELECT count(*) FROM one_time_keys",
    "erasures_pending": "SELECT count(*) FROM erasures",
}
"""What is counted in the directory, in SQL that SQLite and PostgreSQL both read."""
_MAILBOX: Final = {
    "envelopes_waiting": "SELECT count(*) FROM mail",
    "envelopes_waiting_bytes": "SELECT CAST(total(size) AS INTEGER) FROM mail",
    "envelopes_handed": "SELECT count(*) FROM mail WHERE handed",
    "envelopes_in_doubt": "SELECT count(*) FROM doubt",
    "mailboxes": "SELECT count(DISTINCT device) FROM mail",
    "outcomes": "SELECT count(*) FROM outcome",
}
_MANIFEST: Final = re.compile(r"manifest-([0-9]{1,13})\.json", re.ASCII)
_BLOB: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


def count_directory(path: Path, *, now: float, policy_sha256: bytes) -> dict[str, int]:
    """Count what the directory holds; `now`: running seconds. Raises StoreError."""
    return _count(path, DIRECTORY, {"now": now, "policy": policy_sha256})


def count_mailboxes(path: Path) -> dict[str, int]:
    """Count what the mailboxes hold, and the damaged files that were set aside. Raises StoreError."""
    return _count(path, _MAILBOX, {}) | {"files_set_aside": len(list(path.parent.glob(f"{path.stem}-damaged-*.db")))}


def count_sets(path: Path) -> dict[str, int]:
    """Count the builds of the enrolled set, their pieces and bytes; `set_built_at` is 0 without one.

    Raises:
        StoreError: they cannot be read.
    """
    try:
        files = list(path.iterdir()) if path.is_dir() else []
        built = [int(match[1]) for file in files if (match := _MANIFEST.fullmatch(file.name))]
        blobs = [file.stat().st_size for file in files if _BLOB.fullmatch(file.name)]
    except OSError as error:
        raise StoreError(f"the enrolled set's files cannot be read: {error.strerror}") from error
    return {
        "set_builds": len(built),
        "set_built_at": max(built, default=0),
        "set_pieces": len(blobs),
        "set_bytes": sum(blobs),
    }


def _count(path: Path, queries: dict[str, str], values: dict[str, float | bytes]) -> dict[str, int]:
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            connection.set_busy_timeout(_BUSY_MS)
            # One transaction: the counts are of one moment.
            connection.execute("BEGIN")
            return {name: int(connection.execute(sql, values).get) for name, sql in queries.items()}
        finally:
            connection.close()
    except apsw.Error as error:
        raise StoreError(
            f"{path.name} cannot be read: damaged, of another Sayso, or not there; start the server once"
        ) from error
