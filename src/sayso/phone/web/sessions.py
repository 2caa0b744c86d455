"""Who may use the web app: one-time links, sessions, and the tabs of a session; clock and randomness are given.

    link (60 s, once) ── opened by the page ──▶ session: a cookie, and a secret for each tab
    session ends: 12 h without use · `sayso phone lock` · opt-out of a line (the tab that did it gets a fresh one)

The cookie alone opens nothing: cookies are sent to every port of a host name. The tab's secret lies in the page's
`sessionStorage`, which belongs to one origin, and travels in a header that no other origin can set. Only digests of
either are kept.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import msgspec

from sayso.phone.adapters.store import Store
from sayso.phone.errors import SessionError
from sayso.phone.ports import Random
from sayso.protocol.limits import HOUR

LINK_S: Final = 60.0
IDLE_S: Final = 12.0 * HOUR
TABS_AT_ONCE: Final = 16
LINKS_AT_ONCE: Final = 8
_SECRET_BYTES: Final = 32
_KEPT: Final = "web-sessions"
_SAVE_EVERY_S: Final = 300.0
"""Each save costs an fsync; a session may seem five minutes older after a crash than it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One session, as it is kept: digests and times, no secret."""

    cookie: bytes
    tabs: tuple[bytes, ...]
    used: float
    """Unix seconds of the last thing that a person did in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The secrets of a session that was just opened; said once."""

    cookie: str = field(repr=False)
    tab: str = field(repr=False)


class Keeping(Protocol):
    """Where sessions stay when the daemon restarts."""

    def load(self) -> bytes | None:
        """Return what was saved last."""
        ...

    def save(self, document: bytes) -> None:
        """Save durably."""
        ...


class KeptSessions:
    """The sessions' place in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def load(self) -> bytes | None:
        """Return what was saved last."""
        kept = self._store.preferences.get(_KEPT)
        return None if kept is None else kept.encode()

    def save(self, document: bytes) -> None:
        """Save durably."""
        with self._store.transaction("web-sessions"):
            self._store.preferences.put(_KEPT, document.decode())


class Sessions:
    """The sessions of one phone's web app."""

    def __init__(self, keeping: Keeping, *, now: Callable[[], float], random: Random) -> None:
        """Take the clock (Unix seconds) and randomness."""
        self._keeping = keeping
        self._now = now
        self._random = random
        self._links: list[tuple[bytes, float]] = []
        self._open: list[Session] = []
        self._saved_at = float("-inf")
        self._ended: set[Callable[[], None]] = set()

    def resume(self) -> None:
        """Go on with the sessions of the run before: only where the same address is served again."""
        document = self._keeping.load()
        if document is not None:
            self._open = msgspec.json.decode(document, type=list[Session])
            self._drop_idle()

    def link(self) -> str:
        """Make a one-time code, good for one opening within 60 s."""
        code = self._secret()
        self._links = [*self._live_links()[-LINKS_AT_ONCE + 1 :], (_digest(code), self._now() + LINK_S)]
        return code

    def open(self, code: str) -> Opened:
        """Open a session with a one-time code, which is spent by that.

        Raises:
            SessionError: the code is unknown, spent, or older than 60 s.
        """
        digest = _digest(code)
        links = self._live_links()
        self._links = [link for link in links if not hmac.compare_digest(link[0], digest)]
        if len(self._links) == len(links):
            raise SessionError("this link was used already, or is older than a minute; get another one")
        return self.fresh()

    def fresh(self) -> Opened:
        """Open a session without a code: for the tab that has just ended all others."""
        opened = Opened(cookie=self._secret(), tab=self._secret())
        self._drop_idle()
        self._open.append(Session(cookie=_digest(opened.cookie), tabs=(_digest(opened.tab),), used=self._now()))
        self._save()
        return opened

    def check(self, cookie: str, tab: str, *, by_person: bool = True) -> Session:
        """Return the session that cookie and tab belong to.

        Args:
            cookie: from the cookie.
            tab: from the tab's header.
            by_person: False for what a page does by itself, which keeps no session alive.

        Raises:
            SessionError: there is none, or it has ended.
        """
        self._drop_idle()
        cookie_digest, tab_digest = _digest(cookie), _digest(tab)
        found: Session | None = None
        for session in self._open:  # all of them, whatever is found: the time tells nothing
            tabs = [hmac.compare_digest(one, tab_digest) for one in session.tabs]
            if hmac.compare_digest(session.cookie, cookie_digest) and any(tabs):
                found = session
        if found is None:
            raise SessionError("this page is locked; open it again with `sayso phone open`")
        if by_person:
            self._replace(found, replace(found, used=self._now()))
            if self._now() - self._saved_at > _SAVE_EVERY_S:
                self._save()
        return found

    def another_tab(self, session: Session) -> str:
        """Return a secret for one more tab of a session; the oldest tab of too many is closed out."""
        tab = self._secret()
        current = self._current(session)
        self._replace(current, replace(current, tabs=(*current.tabs[-TABS_AT_ONCE + 1 :], _digest(tab))))
        self._save()
        return tab

    def is_open(self, session: Session) -> bool:
        """Whether a session is still open; for event streams, which end with it."""
        self._drop_idle()
        return any(one.cookie == session.cookie for one in self._open)

    def end_all(self) -> None:
        """End every session and spend every link, and tell all streams."""
        self._open, self._links = [], []
        self._save()
        for tell in list(self._ended):
            tell()

    def on_end(self, tell: Callable[[], None]) -> Callable[[], None]:
        """Have `tell` called whenever sessions end; returns what takes that back."""
        self._ended.add(tell)
        return lambda: self._ended.discard(tell)

    def _current(self, session: Session) -> Session:
        for one in self._open:
            if one.cookie == session.cookie:
                return one
        raise SessionError("this page is locked; open it again with `sayso phone open`")

    def _replace(self, old: Session, new: Session) -> None:
        self._open = [new if one is old else one for one in self._open]

    def _drop_idle(self) -> None:
        now = self._now()
        # A clock that was set back must not keep a session for ever: what was used in the future is over.
        self._open = [one for one in self._open if -_SAVE_EVERY_S <= now - one.used < IDLE_S]

    def _live_links(self) -> list[tuple[bytes, float]]:
        now = self._now()
        return [link for link in self._links if now < link[1] <= now + LINK_S]

    def _save(self) -> None:
        self._saved_at = self._now()
        self._keeping.save(msgspec.json.encode(self._open))

    def _secret(self) -> str:
        return self._random.token_bytes(_SECRET_BYTES).hex()


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
