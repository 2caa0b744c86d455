"""An envelope lies under its own key, and that key under the hour's (design.md §6).

    body = AES-256-GCM(envelope key, nonce 0, envelope; device ‖ envelope id ‖ seq)
    wrap = nonce ‖ AES-256-GCM(hour's wrap key, nonce, envelope key; seq ‖ envelope id)

An envelope key is drawn for one body and used once: a constant nonce is as good as any (NIST SP 800-38D §8 asks that
the pair never repeats). Wrap keys serve for an hour, so their nonces are random: 2^32 of them are far out of reach.
Both tags double as checksums of what was stored.
"""

import struct
from collections.abc import Iterable
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sayso.protocol.ids import DeviceId, EnvelopeId
from sayso.server.core.hour_ratchet import wrap_key
from sayso.server.errors import CorruptError
from sayso.server.ports import HourState

ENVELOPE_ID_BYTES: Final = 16
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
RANDOM_BYTES: Final = KEY_BYTES + NONCE_BYTES
"""What sealing one envelope takes."""
WRAP_BYTES: Final = NONCE_BYTES + KEY_BYTES + TAG_BYTES
_ONCE: Final = bytes(NONCE_BYTES)
_SEQ: Final = struct.Struct(">Q")


class WrapKeys:
    """The wrap keys of the hour states that are held: one, or two while a turn is under way."""

    __slots__ = ("_keys", "newest", "newest_generation")

    def __init__(self, states: Iterable[HourState]) -> None:
        """Derive the keys of one or more states."""
        self._keys = {state.generation: AESGCM(wrap_key(state.state)) for state in states}
        self.newest_generation: Final = max(self._keys)
        self.newest: Final = self._keys[self.newest_generation]

    def holds(self, generation: int) -> bool:
        """Whether what was wrapped in `generation` can be opened."""
        return generation in self._keys

    def unwrap(self, generation: int, wrap: bytes, *, seq: int, envelope_id: bytes) -> bytes:
        """Return an envelope's key (32 bytes).

        Raises:
            CorruptError: damaged, of another envelope, or its hour is over.
        """
        key = self._keys.get(generation)
        if key is None or len(wrap) != WRAP_BYTES:
            raise CorruptError("an envelope's key cannot be opened")
        try:
            return key.decrypt(wrap[:NONCE_BYTES], wrap[NONCE_BYTES:], _SEQ.pack(seq) + envelope_id)
        except InvalidTag as error:
            raise CorruptError("an envelope's key cannot be opened") from error

    def wrap(self, key: bytes, nonce: bytes, *, seq: int, envelope_id: bytes) -> bytes:
        """Wrap an envelope's key (32 bytes) under the newest hour's key, with a fresh nonce of 12 bytes."""
        return nonce + self.newest.encrypt(nonce, key, _SEQ.pack(seq) + envelope_id)


def seal(envelope: bytes | memoryview, key: bytes, *, device: DeviceId, envelope_id: EnvelopeId, seq: int) -> bytes:
    """Seal an envelope under a key that is used for nothing else."""
    return AESGCM(key).encrypt(_ONCE, envelope, device + envelope_id + _SEQ.pack(seq))


def open_body(body: bytes | memoryview, key: bytes, *, device: bytes, envelope_id: bytes, seq: int) -> bytes:
    """Return the envelope.

    Raises:
        CorruptError: damaged, or not the one that was stored at this place.
    """
    try:
        return AESGCM(key).decrypt(_ONCE, body, device + envelope_id + _SEQ.pack(seq))
    except (InvalidTag, ValueError) as error:
        raise CorruptError("an envelope is not what was stored") from error
