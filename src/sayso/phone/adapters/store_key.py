"""The store's key, the data directory's permissions, and the lock that keeps two daemons out of one store.

DIR/                    0700
DIR/phone.lock          held (flock) as long as the phone runs
DIR/store.key.sealed    the key under a passphrase (Argon2id), or
DIR/store.key           the key as it is, only by an option that says so
DIR/phone.db            the encrypted store
"""

import errno
import fcntl
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from sayso.phone.errors import StoreLockedError
from sayso.phone.ports import Random
from sayso.protocol.errors import PassphraseError
from sayso.protocol.passphrase import NONCE_BYTES, SALT_BYTES, STANDARD, Cost, open_sealed, seal

SEALED_NAME: Final = "store.key.sealed"
PLAIN_NAME: Final = "store.key"
LOCK_NAME: Final = "phone.lock"
DATABASE_NAME: Final = "phone.db"
_KEY_BYTES: Final = 32
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class DataDirectory:
    """The phone's directory, locked for this process until `close`."""

    def __init__(self, path: Path) -> None:
        """Make the directory if there is none, check who can read it, and lock it.

        Raises:
            StoreLockedError: others can read it, it is no directory, or another phone runs on it.
        """
        self._path: Final = path
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreLockedError("the phone's data directory cannot be made; choose another with --data") from error
        _refuse_others(path)
        self._lock = _open(path / LOCK_NAME, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise StoreLockedError("another phone runs on this data directory; stop it first") from error

    @property
    def database(self) -> Path:
        """Where the encrypted store is."""
        return self._path / DATABASE_NAME

    def key_under_passphrase(self, passphrase: str, *, random: Random, cost: Cost = STANDARD) -> bytes:
        """Return the store's key (32 bytes), made at first use and sealed under the passphrase.

        Raises:
            StoreLockedError: wrong passphrase, damaged, readable by others, or the store has a plain key.
        """
        if (self._path / PLAIN_NAME).exists():
            raise StoreLockedError(
                "this store's key lies in a plain file: start with --plain-key, or move the file away"
            )
        sealed_path = self._path / SEALED_NAME
        sealed = _read(sealed_path)
        if sealed is None:
            self._refuse_orphan()
            key = random.token_bytes(_KEY_BYTES)
            salt, nonce = random.token_bytes(SALT_BYTES), random.token_bytes(NONCE_BYTES)
            _write(sealed_path, seal(key, passphrase, salt=salt, nonce=nonce, cost=cost))
            return key
        try:
            return open_sealed(sealed, passphrase)
        except PassphraseError as error:
            raise StoreLockedError("wrong passphrase for the phone's store, or its key file is damaged") from error

    def plain_key(self, *, random: Random) -> bytes:
        """Return the store's key (32 bytes), kept as it is: whoever copies the directory can read everything.

        Raises:
            StoreLockedError: damaged, readable by others, or the store's key is under a passphrase.
        """
        if (self._path / SEALED_NAME).exists():
            raise StoreLockedError("this store's key is under a passphrase: start without --plain-key")
        path = self._path / PLAIN_NAME
        key = _read(path)
        if key is None:
            self._refuse_orphan()
            key = random.token_bytes(_KEY_BYTES)
            _write(path, key)
        if len(key) != _KEY_BYTES:
            raise StoreLockedError("the store's key file is damaged: it has not 32 bytes")
        return key

    def close(self) -> None:
        """Let the next phone in."""
        os.close(self._lock)

    def _refuse_orphan(self) -> None:
        """A store without its key must not be overwritten by a fresh key that cannot open it."""
        if self.database.exists():
            raise StoreLockedError("the key of this store is missing; put its key file back, or wipe the directory")


def _refuse_others(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise StoreLockedError("the phone's data directory cannot be read") from error
    if mode & _OTHERS:
        flag = "700" if stat.S_ISDIR(mode) else "600"
        raise StoreLockedError(f"others on this machine can get at {path.name}: chmod {flag} it first")


def _open(path: Path, flags: int) -> int:
    try:
        return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise StoreLockedError(f"{path.name} in the phone's data directory cannot be opened") from error


def _read(path: Path) -> bytes | None:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreLockedError(f"{path.name} in the phone's data directory cannot be read") from error
    _refuse_others(path)
    return data


def _write(path: Path, data: bytes) -> None:
    """Write a new file so that a crash leaves the whole of it or nothing."""
    beside = path.with_name(path.name + ".part")
    with suppress(FileNotFoundError):
        beside.unlink()
    handle = _open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        written = os.write(handle, data)
        os.fsync(handle)
    except OSError as error:
        raise StoreLockedError("the store's key cannot be written: is the disk full?") from error
    finally:
        os.close(handle)
    if written != len(data):
        raise StoreLockedError("the store's key cannot be written: is the disk full?")
    beside.replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some file systems cannot sync a directory
            raise StoreLockedError("the store's key cannot be made durable") from error
    finally:
        os.close(directory)
