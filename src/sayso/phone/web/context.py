"""What every handler of the web app is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from sayso.phone.adapters.store import Store
from sayso.phone.line.book import Book
from sayso.phone.line.owner import Owner
from sayso.phone.ports import Clock, UpdateSwitch
from sayso.phone.web import times
from sayso.phone.web.desk import Desk
from sayso.phone.web.languages import Language
from sayso.phone.web.people import Person, person
from sayso.phone.web.segments import SegmentCounter
from sayso.phone.web.sessions import Sessions

LANGUAGE: str = "language"
"""Name of the preference; unset: as the browser asks."""
THEME: str = "theme"
PRICE: str = "sms-price"
FIRST_RUN: str = "first-run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggested:
    """The server that the phone's maker or owner wrote into its settings; nothing is asked of it by that."""

    server: str = ""
    key: str = ""
    """Digest of its long-term key, hex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One phone, as its web app sees it."""

    store: Store
    owner: Owner
    desk: Desk
    book: Book
    sessions: Sessions
    languages: Mapping[str, Language]
    clock: Clock
    segments: SegmentCounter
    suggested: Suggested
    updates: UpdateSwitch | None = None
    """Where this phone was installed by the update channel."""
    zone: tzinfo | None = None
    """Of the days and times shown; the phone's own where it is None."""

    def now(self) -> datetime:
        """Return the time in the zone of what is shown."""
        return times.at(self.clock.wall(), self.zone)

    def person(self, number: str) -> Person:
        """Return how a number is shown."""
        contact = self.store.peers.contact(number)
        return person(number, None if contact is None else contact.name)
