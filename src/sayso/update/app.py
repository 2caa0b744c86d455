"""Puts the phone's side together for one installation."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sayso.consent.errors import GateClosedError
from sayso.consent.gate import Gate
from sayso.update.adapters.consent_file import ConsentFile, MemoryJournal, typed_consent
from sayso.update.adapters.gate_fetcher import GateFetcher
from sayso.update.adapters.home import Home
from sayso.update.adapters.slots import VenvSlots
from sayso.update.adapters.system import SystemClock, SystemRandom
from sayso.update.adapters.tuf_mirror import TufMirror
from sayso.update.phone_side import PhoneSide

NOT_AGREED: Final = "checks for updates are off: read `sayso update policy`, then say yes: sayso update on"


class Installation:
    """One installation and what belongs to it."""

    def __init__(self, path: Path) -> None:
        """Take the directory; nothing is read yet."""
        self.clock: Final = SystemClock()
        self.random: Final = SystemRandom()
        self.home: Final = Home(path)
        self.consents: Final = ConsentFile(self.home.path, self.clock, self.random)

    def phone_side(self) -> PhoneSide:
        """Return the service that updates it.

        Raises:
            HomeError: there is no installation.
        """
        libraries = self.home.settings().libraries
        return PhoneSide(self.home, VenvSlots(libraries=None if libraries is None else Path(libraries)))

    def root_digest(self) -> bytes:
        """Return SHA-256 of the root of trust. Raises HomeError."""
        return hashlib.sha256(self.home.root()).digest()

    @contextmanager
    def mirror(self) -> Iterator[TufMirror]:
        """Open the way to the mirror; there is none without the person's consent.

        Raises:
            GateClosedError: the person has not said yes, or to another address or text.
            HomeError: there is no installation.
        """
        settings = self.home.settings()
        consent = self.consents.given()
        gate = self.consents.gate()
        if consent is None or gate is None:
            raise GateClosedError(NOT_AGREED)
        if consent.record.server != settings.url:
            raise GateClosedError("releases come from another address now than you agreed to: say yes anew")
        agreed = consent
        with GateFetcher(
            gate, monotonic=self.clock.monotonic, still_agreed=lambda: self.consents.still_given(agreed)
        ) as fetcher:
            yield TufMirror(
                fetcher,
                fetcher,
                settings.url,
                root=self.home.root(),
                known=self.home.tuf,
                downloads=self.home.downloads,
                wall=self.clock.wall,
            )


@contextmanager
def typed_fetcher(url: str, *, root: bytes) -> Iterator[GateFetcher]:
    """Open the way to an address that a person typed into a command, for this one command.

    Raises:
        GateClosedError: it is no address.
    """
    clock = SystemClock()
    consent = typed_consent(url, root_sha256=hashlib.sha256(root).digest(), clock=clock, random=SystemRandom())
    gate = Gate(consent, journal=MemoryJournal(), now=clock.wall)
    with GateFetcher(gate, monotonic=clock.monotonic) as fetcher:
        yield fetcher
