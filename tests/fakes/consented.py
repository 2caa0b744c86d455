"""A yes that somebody gave, and a journal that can be read."""

from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sayso.consent.gate import Gate
from sayso.consent.ports import Attempt
from sayso.consent.records import (
    MESSAGING_DATA,
    MESSAGING_PURPOSES,
    ConsentRecord,
    VerifiedConsent,
    read_record,
    sign_record,
)
from sayso.protocol.ids import DeviceId, KeyDigest
from sayso.protocol.statement import Policy

DEVICE = DeviceId(b"d" * 16)
DEVICE_KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
SERVER = KeyDigest(b"s" * 32)
WALL = 1_800_000_000.0


def record(server: str) -> ConsentRecord:
    """A record for a server, not signed yet."""
    return ConsentRecord(
        record_id=b"r" * 16,
        kind="messaging",
        server=server,
        server_key=SERVER,
        policy=Policy("1", b"p" * 32),
        purposes=MESSAGING_PURPOSES,
        personal_data=MESSAGING_DATA,
        timestamp="2027-01-15T08:00:00Z",
        method="test",
        line=b"l" * 16,
        device=DEVICE,
        device_key=DEVICE_KEY.public_key().public_bytes_raw(),
        findable="everyone",
    )


def consent(server: str) -> VerifiedConsent:
    """A checked consent for a server."""
    return read_record(sign_record(record(server), DEVICE_KEY))


@dataclass
class Entry:
    """One line of the journal."""

    attempt: Attempt
    sent_bytes: int | None = None
    received_bytes: int | None = None


@dataclass
class MemoryJournal:
    """The Journal port."""

    entries: list[Entry] = field(default_factory=list)
    on_opened: Callable[[], None] = lambda: None
    """Called after an entry was written, before the gate goes on."""

    def opened(self, attempt: Attempt) -> int:
        self.entries.append(Entry(attempt))
        self.on_opened()
        return len(self.entries) - 1

    def closed(self, number: int, *, sent_bytes: int, received_bytes: int) -> None:
        entry = self.entries[number]
        assert entry.sent_bytes is None, "closed twice"
        entry.sent_bytes, entry.received_bytes = sent_bytes, received_bytes

    @property
    def open(self) -> int:
        """How many connections are not closed yet."""
        return sum(entry.sent_bytes is None for entry in self.entries)


def gate_to(server: str, journal: MemoryJournal | None = None) -> Gate:
    """A gate to a server."""
    return Gate(consent(server), journal=journal or MemoryJournal(), now=lambda: WALL)
