"""Keyrings in files: under a passphrase, or plain for those who say so."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Final

import msgspec

from sayso.protocol import passphrase as sealed_by_passphrase
from sayso.protocol.errors import PassphraseError
from sayso.protocol.passphrase import NONCE_BYTES, SALT_BYTES, STANDARD, Cost, SealingKey
from sayso.protocol.xwing import PRIVATE_BYTES
from sayso.server.adapters.keyring.hour_file import HourFile
from sayso.server.adapters.keyring.versions import KEY_BYTES, VERSION, Fields, brought_on
from sayso.server.adapters.private_file import make_private_directory, read_private, replace_shredding, shred_left_over
from sayso.server.core.hour_ratchet import STATE_BYTES, hour_of
from sayso.server.errors import KeyringError
from sayso.server.ports import Clock, HourState, Random, ServerSecrets

_SECRETS_BYTES_MAX: Final = 64 * 1024


class _Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Content of `secrets`, as MessagePack."""

    version: int
    secrets: ServerSecrets
    hours: bytes
    """AES-256 key of the hour file: Argon2id runs once at start, not at every turn."""

    def __repr__(self) -> str:
        """No secrets."""
        return "_Stored(...)"


class FileKeyring(ABC):
    """What both kinds share: the two files, and when they are made."""

    def __init__(self, directory: Path, *, random: Random, clock: Clock) -> None:
        """Open the keyring, or make it at first use.

        Raises:
            ConfigError: others can read the directory or a file in it.
            KeyringError: it cannot be read or written, or is damaged.
        """
        make_private_directory(directory)
        self._path: Final = directory / "secrets"
        self._random: Final = random
        stored = self._read()
        if stored is None:
            stored = _fresh(random)
            self._write(self._seal(msgspec.msgpack.encode(stored)))
        self._stored = stored
        self._secrets = stored.secrets
        self._hours: Final = HourFile(directory / "hours", stored.hours, random)
        if not self._hours.exists():
            first = HourState(generation=hour_of(clock.wall()), state=random.token_bytes(STATE_BYTES))
            self._hours.create(first)
        self._hours.states()

    def secrets(self) -> ServerSecrets:
        """Return the secrets."""
        return self._secrets

    def rewrite(self, secrets: ServerSecrets) -> None:
        """See `SecretsFile`."""
        self._write(self._seal(msgspec.msgpack.encode(msgspec.structs.replace(self._stored, secrets=secrets))))
        self._stored = msgspec.structs.replace(self._stored, secrets=secrets)
        self._secrets = secrets

    def hour_states(self) -> list[HourState]:
        """Return the hour states held, oldest first. Raises KeyringError."""
        return self._hours.states()

    def add_hour_state(self, state: HourState) -> None:
        """Keep a further state beside the present one, durably. Raises KeyringError."""
        self._hours.add(state)

    def destroy_hour_states_before(self, generation: int) -> None:
        """Overwrite older states where they lie, durably. Raises KeyringError."""
        self._hours.destroy_before(generation)

    @abstractmethod
    def _seal(self, content: bytes) -> bytes:
        """Return what is written for `content`."""

    @abstractmethod
    def _open(self, content: bytes) -> bytes:
        """Return what `_seal` was given. Raises KeyringError."""

    def _read(self) -> _Stored | None:
        try:
            content = read_private(self._path, _SECRETS_BYTES_MAX)
            shred_left_over(self._path, self._random)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise KeyringError(f"cannot read the keyring {self._path}: {error.strerror}") from error
        try:
            return self._current(self._open(content))
        except msgspec.MsgspecError as error:
            raise KeyringError(f"the keyring {self._path} is damaged or of another kind: restore it") from error

    def _current(self, content: bytes) -> _Stored:
        """Decode the secrets; those of an older version are brought on first, durably."""
        fields = msgspec.msgpack.decode(content, type=Fields)
        version = fields.get("version")
        if isinstance(version, int) and version > VERSION:
            raise KeyringError(f"the keyring {self._path} was written by a newer Sayso: start that one")
        newer = brought_on(fields, self._random)
        stored = msgspec.convert(newer or fields, _Stored)
        if newer is not None:
            self._write(self._seal(msgspec.msgpack.encode(stored)))
        return stored

    def _write(self, content: bytes) -> None:
        try:
            replace_shredding(self._path, content, self._random)
        except OSError as error:
            raise KeyringError(f"cannot write the keyring {self._path}: {error.strerror}") from error


class PlainKeyring(FileKeyring):
    """A Keyring in files that are not encrypted: for a demo, or for a disk that is.

    What it costs: whoever reads the disk, a backup of it or a stolen machine has every key of the server. They can find
    out which of the numbers they try are enrolled, open numbers that were sealed to the registrar, sign certificates
    for numbers that are not theirs, and take the server's outer wrapping off what waits (the message inside stays
    sealed to its recipient). `PassphraseKeyring` keeps all that from them as long as the passphrase holds.
    """

    def _seal(self, content: bytes) -> bytes:
        return content

    def _open(self, content: bytes) -> bytes:
        return content


class PassphraseKeyring(FileKeyring):
    """A Keyring sealed under a passphrase (Argon2id, RFC 9106)."""

    def __init__(
        self, directory: Path, passphrase: str, *, random: Random, clock: Clock, cost: Cost = STANDARD
    ) -> None:
        """Open the keyring, or make it at first use.

        Args:
            directory: made if it is not there; for its owner only.
            passphrase: what the operator types, or a credential holds.
            random: for secrets, salts and nonces.
            clock: dates the first hour key.
            cost: of guessing the passphrase; used when the keyring is made.

        Raises:
            ConfigError: others can read the directory or a file in it.
            KeyringError: wrong passphrase, damaged, or it cannot be read or written.
        """
        self._passphrase = passphrase
        self._cost = cost
        self._key: SealingKey | None = None
        super().__init__(directory, random=random, clock=clock)
        # The key made of it stays: old keys are destroyed, and so the file sealed anew, while the server runs.
        self._passphrase = ""

    def _seal(self, content: bytes) -> bytes:
        if self._key is None:
            self._key = SealingKey(self._passphrase, salt=self._random.token_bytes(SALT_BYTES), cost=self._cost)
        return self._key.seal(content, nonce=self._random.token_bytes(NONCE_BYTES))

    def _open(self, content: bytes) -> bytes:
        try:
            opened, self._key = sealed_by_passphrase.unseal(content, self._passphrase)
        except PassphraseError as error:
            raise KeyringError(f"the keyring {self._path} cannot be opened: {error}") from error
        return opened


def _fresh(random: Random) -> _Stored:
    def key() -> bytes:
        return random.token_bytes(KEY_BYTES)

    secrets = ServerSecrets(
        long_term=key(),
        certificate=key(),
        receipt=key(),
        registrar_id=1,
        registrar=random.token_bytes(PRIVATE_BYTES),
        epoch=1,
        voprf=key(),
        codes=key(),
        pins=key(),
    )
    return _Stored(version=VERSION, secrets=secrets, hours=key())
