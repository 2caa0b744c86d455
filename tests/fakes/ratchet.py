"""A ratchet without cryptography: it counts, refuses and forgets as Olm does, and its messages can be read by eye.

Passes tests/contract/ratchet.py. Deterministic for the same seed.
"""

import hashlib
from random import Random

import msgspec
from msgspec import Struct

from sayso.phone.errors import RatchetError
from sayso.phone.ports import RatchetAccount, RatchetSession

KEPT_SKIPPED = 40
LARGEST_GAP = 2000
KEPT_CHAINS = 5
KEY_BYTES = 32


class _AccountState(Struct):
    identity: bytes
    made: int = 0
    one_time: list[bytes] = []
    fallback: list[bytes] = []
    """The newest first; two at most."""


class _Chain(Struct):
    number: int
    next: int = 0
    skipped: list[int] = []


class _SessionState(Struct):
    session: str
    identity: bytes
    """Of whoever opened it."""
    key: bytes
    opened_here: bool
    answered: bool = False
    chain: int = 0
    sent: int = 0
    heard: list[_Chain] = []


class _Message(Struct, array_like=True, forbid_unknown_fields=True):
    olm_type: int
    session: str
    identity: bytes
    key: bytes
    by_opener: bool
    chain: int
    index: int
    plaintext: bytes
    check: bytes


def _hash(*parts: object) -> bytes:
    return hashlib.sha256(repr(parts).encode()).digest()


def _checked(data: bytes) -> _Message:
    try:
        message = msgspec.msgpack.decode(data, type=_Message)
    except msgspec.MsgspecError as error:
        raise RatchetError("no message of this ratchet") from error
    if message.check != _check(message) or msgspec.msgpack.encode(message) != data:
        raise RatchetError("forged")
    return message


def _check(m: _Message) -> bytes:
    return _hash(m.olm_type, m.session, m.identity, m.key, m.by_opener, m.chain, m.index, m.plaintext)


class FakeRatchet:
    """The Ratchet port."""

    def __init__(self, seed: int = 0) -> None:
        self._random = Random(seed)

    def new_account(self) -> RatchetAccount:
        return _Account(_AccountState(self._random.randbytes(KEY_BYTES)))

    def load_account(self, state: bytes) -> RatchetAccount:
        try:
            return _Account(msgspec.msgpack.decode(state, type=_AccountState))
        except msgspec.MsgspecError as error:
            raise RatchetError("damaged") from error

    def load_session(self, state: bytes) -> RatchetSession:
        try:
            return _Session(msgspec.msgpack.decode(state, type=_SessionState))
        except msgspec.MsgspecError as error:
            raise RatchetError("damaged") from error


class _Account:
    def __init__(self, state: _AccountState) -> None:
        self._state = state

    @property
    def curve25519(self) -> bytes:
        return self._state.identity

    def new_one_time_keys(self, count: int) -> list[tuple[int, bytes]]:
        keys = [self._new_key() for _ in range(count)]
        self._state.one_time += [key for _, key in keys]
        return keys

    def new_fallback_key(self) -> tuple[int, bytes]:
        key_id, key = self._new_key()
        self._state.fallback = [key, *self._state.fallback[:1]]
        return key_id, key

    def open_outbound(self, curve25519: bytes, ratchet_key: bytes) -> RatchetSession:
        for key in (curve25519, ratchet_key):
            if len(key) != KEY_BYTES or key == bytes(KEY_BYTES):
                raise RatchetError("unusable key")
        self._state.made += 1
        session = _hash("session", self._state.identity, self._state.made, curve25519, ratchet_key).hex()
        return _Session(_SessionState(session, self._state.identity, ratchet_key, opened_here=True))

    def open_inbound(self, curve25519: bytes, message: bytes) -> tuple[RatchetSession, bytes]:
        first = _checked(message)
        if first.olm_type != 0 or first.identity != curve25519:
            raise RatchetError("not a pre-key message of this identity")
        if first.key in self._state.one_time:
            self._state.one_time.remove(first.key)
        elif first.key not in self._state.fallback:
            raise RatchetError("key unknown or used")
        session = _Session(_SessionState(first.session, first.identity, first.key, opened_here=False))
        return session, session.decrypt(first.olm_type, message)

    def dump(self) -> bytes:
        return msgspec.msgpack.encode(self._state)

    def _new_key(self) -> tuple[int, bytes]:
        self._state.made += 1
        return self._state.made, _hash("key", self._state.identity, self._state.made)


class _Session:
    def __init__(self, state: _SessionState) -> None:
        self._state = state

    @property
    def session_id(self) -> str:
        return self._state.session

    def encrypt(self, plaintext: bytes) -> tuple[int, bytes]:
        state = self._state
        olm_type = 0 if state.opened_here and not state.answered else 1
        message = _Message(
            olm_type,
            state.session,
            state.identity,
            state.key,
            state.opened_here,
            state.chain,
            state.sent,
            plaintext,
            b"",
        )
        message.check = _check(message)
        state.sent += 1
        return olm_type, msgspec.msgpack.encode(message)

    def decrypt(self, olm_type: int, message: bytes) -> bytes:
        state = self._state
        got = _checked(message)
        if got.olm_type != olm_type or got.session != state.session or got.by_opener == state.opened_here:
            raise RatchetError("of another session")
        chain = next((chain for chain in state.heard if chain.number == got.chain), None)
        if chain is None:
            chain = _Chain(got.chain)
            self._take(chain, got.index)
            state.heard = sorted([*state.heard, chain], key=lambda chain: chain.number)[-KEPT_CHAINS:]
            state.answered = True
            state.chain, state.sent = state.chain + 1, 0
        else:
            self._take(chain, got.index)
        return got.plaintext

    def matches(self, message: bytes) -> bool:
        try:
            first = _checked(message)
        except RatchetError:
            return False
        return first.olm_type == 0 and first.session == self._state.session

    def dump(self) -> bytes:
        return msgspec.msgpack.encode(self._state)

    @staticmethod
    def _take(chain: _Chain, index: int) -> None:
        if index in chain.skipped:
            chain.skipped.remove(index)
        elif index < chain.next:
            raise RatchetError("replayed, or skipped too long ago")
        elif index - chain.next > LARGEST_GAP:
            raise RatchetError("too far ahead")
        else:
            chain.skipped = [*chain.skipped, *range(chain.next, index)][-KEPT_SKIPPED:]
            chain.next = index + 1
