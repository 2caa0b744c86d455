"""The Ratchet port over vodozemac's Olm.

Whatever vodozemac throws is a ValueError (its exception classes have no importable module) and becomes a RatchetError.
A failed `decrypt` or `open_inbound` changes nothing: the ratchet advances only once the MAC has been checked.
"""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from vodozemac import Account, AnyOlmMessage, Curve25519PublicKey, Session

from sayso.phone.errors import RatchetError
from sayso.phone.ports import RatchetAccount, RatchetSession

_PICKLE_KEY_BYTES: Final = 32
_PRE_KEY: Final = 0
_KEY_ID_BYTES: Final = 8


class VodozemacRatchet:
    """Accounts and sessions, whose states are pickled under one key."""

    def __init__(self, pickle_key: bytes) -> None:
        """Take the key.

        Args:
            pickle_key: 32 bytes. The store is encrypted as a whole; this key only has to come out of the same secret,
                so that a pickle that strays into a log or a dump is closed too.
        """
        if len(pickle_key) != _PICKLE_KEY_BYTES:
            raise ValueError("the key for the ratchet's states has 32 bytes")
        self._pickle_key: Final = pickle_key

    def new_account(self) -> RatchetAccount:
        """Make an account with a fresh identity."""
        return _Account(Account(), self._pickle_key)

    def load_account(self, state: bytes) -> RatchetAccount:
        """Read what `dump` of an account gave.

        Raises:
            RatchetError: damaged, or of another key.
        """
        with _refused("the stored ratchet account is damaged, or was stored under another key"):
            return _Account(Account.from_pickle(state.decode("ascii"), self._pickle_key), self._pickle_key)

    def load_session(self, state: bytes) -> RatchetSession:
        """Read what `dump` of a session gave.

        Raises:
            RatchetError: damaged, or of another key.
        """
        with _refused("the stored ratchet session is damaged, or was stored under another key"):
            return _Session(Session.from_pickle(state.decode("ascii"), self._pickle_key), self._pickle_key)


class _Account:
    def __init__(self, account: Account, pickle_key: bytes) -> None:
        self._account = account
        self._pickle_key = pickle_key

    @property
    def curve25519(self) -> bytes:
        return self._account.curve25519_key.to_bytes()

    def new_one_time_keys(self, count: int) -> list[tuple[int, bytes]]:
        self._account.generate_one_time_keys(count)
        return self._publish(self._account.one_time_keys)

    def new_fallback_key(self) -> tuple[int, bytes]:
        self._account.generate_fallback_key()
        (key,) = self._publish(self._account.fallback_key)
        return key

    def open_outbound(self, curve25519: bytes, ratchet_key: bytes) -> RatchetSession:
        with _refused("the other device's ratchet keys cannot be used"):
            session = self._account.create_outbound_session(
                Curve25519PublicKey.from_bytes(curve25519), Curve25519PublicKey.from_bytes(ratchet_key)
            )
            return _Session(session, self._pickle_key)

    def open_inbound(self, curve25519: bytes, message: bytes) -> tuple[RatchetSession, bytes]:
        with _refused("no session can be opened with this message"):
            first = AnyOlmMessage.from_parts(_PRE_KEY, message).to_pre_key()
            if first is None:
                raise ValueError("not a pre-key message")
            session, plaintext = self._account.create_inbound_session(Curve25519PublicKey.from_bytes(curve25519), first)
            return _Session(session, self._pickle_key), plaintext

    def dump(self) -> bytes:
        return self._account.pickle(self._pickle_key).encode("ascii")

    def _publish(self, unpublished: dict[str, Curve25519PublicKey]) -> list[tuple[int, bytes]]:
        # Once marked they are listed no more; left unmarked, the next call would list them a second time.
        keys = sorted((_key_id(text), key.to_bytes()) for text, key in unpublished.items())
        self._account.mark_keys_as_published()
        return keys


class _Session:
    def __init__(self, session: Session, pickle_key: bytes) -> None:
        self._session = session
        self._pickle_key = pickle_key

    @property
    def session_id(self) -> str:
        return self._session.session_id

    def encrypt(self, plaintext: bytes) -> tuple[int, bytes]:
        with _refused("the ratchet cannot encrypt this"):
            return self._session.encrypt(plaintext).to_parts()

    def decrypt(self, olm_type: int, message: bytes) -> bytes:
        with _refused("the message is forged, replayed, too far ahead, or of another session"):
            return self._session.decrypt(AnyOlmMessage.from_parts(olm_type, message))

    def matches(self, message: bytes) -> bool:
        try:
            first = AnyOlmMessage.from_parts(_PRE_KEY, message).to_pre_key()
        except ValueError:
            return False  # no pre-key message belongs to no session
        return first is not None and self._session.session_matches(first)

    def dump(self) -> bytes:
        return self._session.pickle(self._pickle_key).encode("ascii")


def _key_id(text: str) -> int:
    """Turn vodozemac's key id, a counter of 8 bytes (big endian) in unpadded base64, into a number."""
    raw = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    if len(raw) != _KEY_ID_BYTES:
        raise RatchetError("this version of vodozemac names its keys in a way that Sayso does not know")
    return int.from_bytes(raw, "big")


@contextmanager
def _refused(why: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, OverflowError) as error:
        # OverflowError: an Olm type that no byte holds.
        raise RatchetError(why) from error
