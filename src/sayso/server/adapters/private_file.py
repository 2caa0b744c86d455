"""Small files for the server's eyes only: written whole or not at all, refused when others can read them."""

import os
import stat
from pathlib import Path

from sayso.server.errors import ConfigError
from sayso.server.ports import Random

OTHERS = 0o077


def make_private_directory(path: Path) -> None:
    """Make a directory for its owner only, with those above it.

    Raises:
        ConfigError: it cannot be made, or others can look into it.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = path.stat().st_mode
    except OSError as error:
        raise ConfigError(f"cannot use {path} as a directory: {error.strerror}") from error
    if stat.S_IMODE(mode) & OTHERS:
        raise ConfigError(f"others can look into {path}: run `chmod 700 {path}`")


def open_private(path: Path, flags: int) -> int:
    """Open an existing file; return its descriptor.

    Raises:
        ConfigError: others can read or write it, or it is no plain file.
        FileNotFoundError: there is none.
        OSError: it cannot be opened; a symbolic link is not followed.
    """
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode) and not stat.S_IMODE(mode) & OTHERS:
        return descriptor
    os.close(descriptor)
    if not stat.S_ISREG(mode):
        raise ConfigError(f"{path} is not a plain file: move it away")
    raise ConfigError(f"others can read {path}: run `chmod 600 {path}`, and think of its keys as known to them")


def read_private(path: Path, limit: int) -> bytes:
    """Return a file's bytes, `limit` + 1 at most. Raises as `open_private`."""
    with os.fdopen(open_private(path, os.O_RDONLY), "rb") as stream:
        return stream.read(limit + 1)


def write_atomically(path: Path, content: bytes) -> None:
    """Put a file in place, durably: after a power loss there is the old content or the new, nothing between.

    Raises:
        OSError: it was not written.
    """
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(path)
    sync_directory(path.parent)


def replace_shredding(path: Path, content: bytes, random: Random) -> None:
    """Put a file in place as `write_atomically`, and overwrite the old one where it lies: it held keys.

    Raises:
        OSError: it was not written, or the old one not overwritten; `shred_left_over` does that at the next start.
    """
    old = _left_over(path)
    if path.exists():
        shred_left_over(path, random)
        os.link(path, old, follow_symlinks=False)
    write_atomically(path, content)
    shred_left_over(path, random)


def shred_left_over(path: Path, random: Random) -> None:
    """Overwrite and delete what a `replace_shredding` of this path that was interrupted has left. Raises OSError."""
    old = _left_over(path)
    try:
        found = old.lstat()
    except FileNotFoundError:
        return
    # Interrupted before the new file was in place, both names are of one file, which is still needed.
    if not os.path.samestat(found, path.lstat()):
        descriptor = os.open(old, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.pwrite(descriptor, random.token_bytes(found.st_size), 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    old.unlink()
    sync_directory(path.parent)


def _left_over(path: Path) -> Path:
    return path.with_name(path.name + ".old")


def sync_directory(path: Path) -> None:
    """Make names that were made or changed in a directory durable. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
