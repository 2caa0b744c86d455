"""The hour states' file: two slots of fixed size, overwritten where they lie (design.md §6).

    slot = nonce (12) ‖ AES-256-GCM(key; generation (8) ‖ state (32); slot number) ‖ random bytes up to 4,096

The file is never renamed, cut or made anew while it holds a state: a file system that writes in place then puts the new
bytes over the old ones. A slot that does not open is empty: destroyed, or torn in the middle of being written, in which
case the other one still holds. Where the promise ends is told in docs/explanation/storage.md.
"""

import os
import struct
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sayso.server.adapters.private_file import open_private, write_atomically
from sayso.server.core.hour_ratchet import STATE_BYTES
from sayso.server.errors import KeyringError
from sayso.server.ports import HourState, Random

SLOTS: Final = 2
SLOT_BYTES: Final = 4096
"""A block of most disks and file systems: a torn write spoils one slot only."""
_NONCE_BYTES: Final = 12
_BODY: Final = struct.Struct(f">Q{STATE_BYTES}s")
_SEALED_BYTES: Final = _NONCE_BYTES + _BODY.size + 16


class HourFile:
    """Hour states in a file of two slots."""

    def __init__(self, path: Path, key: bytes, random: Random) -> None:
        """Use the file at `path`; `key`: AES-256, 32 bytes."""
        self._path = path
        self._aead = AESGCM(key)
        self._random = random

    def exists(self) -> bool:
        """Whether the file is there."""
        return self._path.exists()

    def create(self, first: HourState) -> None:
        """Make the file, with its first state. Raises KeyringError."""
        try:
            write_atomically(self._path, self._slot(0, first) + self._random.token_bytes(SLOT_BYTES))
        except OSError as error:
            raise self._failed("write", error) from error

    def states(self) -> list[HourState]:
        """Return the states held, oldest first: one or two.

        Raises:
            KeyringError: the file cannot be read, or none of its slots opens.
        """
        states = sorted((state for state in self._slots() if state is not None), key=lambda state: state.generation)
        if not states:
            raise KeyringError(
                f"no hour key in {self._path} can be opened: restore the file from before, or move it away to start "
                "with a new one, which gives up the messages that wait on this server"
            )
        return states

    def add(self, state: HourState) -> None:
        """Keep a further, later state, durably.

        Raises:
            KeyringError: it could not be written, both slots are in use, or it is not later.
        """
        held = self._slots()
        if all(held) or any(other.generation >= state.generation for other in held if other):
            raise KeyringError("an hour key can be added only after an older one, and beside one other")
        place = held.index(None)
        self._overwrite(place, self._slot(place, state))

    def destroy_before(self, generation: int) -> None:
        """Overwrite states older than `generation` with random bytes, durably.

        Raises:
            KeyringError: it could not be written, or none would be left.
        """
        held = self._slots()
        if not any(state.generation >= generation for state in held if state):
            raise KeyringError("the last hour key is not destroyed: messages that wait could not be opened")
        for place, state in enumerate(held):
            if state is not None and state.generation < generation:
                self._overwrite(place, self._random.token_bytes(SLOT_BYTES))

    def _slots(self) -> list[HourState | None]:
        try:
            with os.fdopen(open_private(self._path, os.O_RDONLY), "rb") as stream:
                content = stream.read(SLOTS * SLOT_BYTES + 1)
        except OSError as error:
            raise self._failed("read", error) from error
        if len(content) != SLOTS * SLOT_BYTES:
            raise KeyringError(f"{self._path} is not a file of hour keys: restore it from before")
        return [self._opened(place, content[place * SLOT_BYTES :][:_SEALED_BYTES]) for place in range(SLOTS)]

    def _opened(self, place: int, sealed: bytes) -> HourState | None:
        try:
            body = self._aead.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bytes([place]))
        except InvalidTag:
            return None
        generation, state = _BODY.unpack(body)
        return HourState(generation=generation, state=state)

    def _slot(self, place: int, state: HourState) -> bytes:
        nonce = self._random.token_bytes(_NONCE_BYTES)
        sealed = self._aead.encrypt(nonce, _BODY.pack(state.generation, state.state), bytes([place]))
        return nonce + sealed + self._random.token_bytes(SLOT_BYTES - _SEALED_BYTES)

    def _overwrite(self, place: int, content: bytes) -> None:
        try:
            descriptor = open_private(self._path, os.O_WRONLY)
            try:
                if os.pwrite(descriptor, content, place * SLOT_BYTES) != len(content):
                    raise KeyringError(f"{self._path} was written in part only: check the disk")
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._failed("write", error) from error

    def _failed(self, what: str, error: OSError) -> KeyringError:
        return KeyringError(f"cannot {what} the hour keys {self._path}: {error.strerror}")
