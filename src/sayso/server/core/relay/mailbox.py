"""One device's envelopes: live, waiting, in doubt, and how many may be under way."""

from collections import deque
from typing import Final

from sayso.protocol.ids import DeviceId
from sayso.protocol.limits import LIMITS
from sayso.server.core.model import Doubt
from sayso.server.core.relay.entries import Entry, Place
from sayso.server.core.relay.link import Link

STRANGER_BYTES: Final = LIMITS.mailbox_bytes * LIMITS.mailbox_stranger_envelopes // LIMITS.mailbox_envelopes
"""Strangers' share of a mailbox's bytes, in the proportion of their share of its envelopes."""
# Bound here because they are looked up with every message.
_WINDOW: Final = LIMITS.unacknowledged_envelopes
_REFILL: Final = _WINDOW // 2
_ENVELOPES: Final = LIMITS.mailbox_envelopes
_BYTES: Final = LIMITS.mailbox_bytes
_GONE: Final = Place.GONE
_STORED: Final = Place.STORED


class Mailbox:
    """One device's envelopes. Envelopes are found by id; order is by seq."""

    __slots__ = (
        "behind",
        "bytes_from_strangers",
        "bytes_held",
        "caught_up",
        "device",
        "doubts",
        "echoes",
        "from_strangers",
        "held",
        "in_flight",
        "link",
        "live",
        "reading",
        "unsent",
        "unwritten",
        "waiting",
    )

    def __init__(self, device: DeviceId) -> None:
        self.device = device
        self.link: Link | None = None
        self.caught_up = False
        self.behind: set[bytes] = set()
        """What waited when the device connected and has not been sent yet: catch-up ends when it is empty."""
        self.in_flight = 0
        """Envelopes sent on the present connection and not acknowledged."""
        self.reading = False
        """Whether a window is being marked or read; one at a time keeps the order."""
        self.live: dict[bytes, Entry] = {}
        self.waiting: dict[bytes, Entry] = {}
        self.held: dict[bytes, Entry] = {}
        """Of what waits, strangers' envelopes that are not queued for the store yet."""
        self.unsent: deque[Entry] = deque()
        """Stored envelopes not yet sent on the present connection, by seq."""
        self.unwritten: set[bytes] = set()
        """Of what is behind, the envelopes not durable yet: nothing younger overtakes them."""
        self.doubts: dict[bytes, Doubt] = {}
        self.bytes_held = 0
        self.echoes: dict[bytes, Entry] = {}
        """Strangers' envelopes that are gone and must not seem so yet: see `strangers`."""
        self.from_strangers = 0
        """Strangers' envelopes, echoes included."""
        self.bytes_from_strangers = 0

    def find(self, envelope_id: bytes) -> Entry | None:
        """Return an envelope that is under way to this device."""
        return self.live.get(envelope_id) or self.waiting.get(envelope_id)

    def known(self, envelope_id: bytes) -> Entry | None:
        """Return an envelope that is under way to this device, or must seem to be."""
        entry = self.live.get(envelope_id)
        if entry is None and self.waiting:
            entry = self.waiting.get(envelope_id)
        if entry is None and self.echoes:
            entry = self.echoes.get(envelope_id)
        return entry

    def takes_live(self) -> bool:
        """Whether an envelope may go straight to the device: connected, caught up, mailbox empty, window open."""
        return (
            self.link is not None
            and self.caught_up
            and not self.waiting
            and self.in_flight < _WINDOW
            and not self.link.congested
        )

    def is_full(self, size: int, *, granted: bool) -> bool:
        """Whether an envelope of this many bytes has no room. Strangers have a smaller share: they cannot jam it."""
        return (
            len(self.waiting) + len(self.live) >= _ENVELOPES
            or self.bytes_held + size > _BYTES
            or (
                not granted
                and (
                    self.from_strangers >= LIMITS.mailbox_stranger_envelopes
                    or self.bytes_from_strangers + size > STRANGER_BYTES
                )
            )
        )

    def is_idle(self) -> bool:
        """Whether there is nothing to remember."""
        return not (self.link or self.live or self.waiting or self.doubts or self.echoes)

    def connect(self, link: Link) -> None:
        """Begin a connection: everything that waits is to be sent on it, oldest first."""
        self.link = link
        self.caught_up = self.reading = False
        self.in_flight = 0
        ordered = sorted(self.waiting.values(), key=lambda entry: entry.seq)
        self.behind = {entry.envelope_id for entry in ordered}
        self.unsent = deque(entry for entry in ordered if entry.place is _STORED)
        self.unwritten = {entry.envelope_id for entry in ordered if entry.place is not _STORED}

    def disconnect(self) -> None:
        """End a connection. What was live is the caller's to move first."""
        self.link = None
        self.caught_up = self.reading = False
        self.in_flight = 0
        for entry in self.unsent:
            entry.envelope = None
        self.unsent.clear()
        self.behind.clear()
        self.unwritten.clear()

    def add_live(self, entry: Entry, link: Link) -> None:
        """Take an envelope that goes straight to the device."""
        self.bytes_held += entry.size
        if not entry.granted:
            self._take_share(entry)
        self.live[entry.envelope_id] = entry
        entry.handed = True
        entry.sent_on = link
        self.in_flight += 1

    def add_waiting(self, entry: Entry) -> None:
        """Take an envelope that has to wait."""
        self.bytes_held += entry.size
        if not entry.granted:
            self._take_share(entry)
        self.waiting[entry.envelope_id] = entry

    def spill(self, entry: Entry) -> None:
        """Turn a live envelope into a waiting one."""
        del self.live[entry.envelope_id]
        self.waiting[entry.envelope_id] = entry

    def hold(self, entry: Entry) -> None:
        """Keep a stranger's waiting envelope from the store until its 250 ms are over."""
        entry.place = Place.HELD
        self.held[entry.envelope_id] = entry

    def to_send(self, entry: Entry) -> None:
        """Line up an envelope that has become durable. It may be older than others: see `unwritten`."""
        self.unwritten.discard(entry.envelope_id)
        if self.link is None or self.link.congested or self.in_flight + len(self.unsent) >= _WINDOW:
            entry.envelope = None  # it cannot go soon, and a device that takes its time must not cost memory
        if self.unsent and self.unsent[-1].seq > entry.seq:
            self.unsent = deque(sorted((*self.unsent, entry), key=lambda one: one.seq))
        else:
            self.unsent.append(entry)

    def sent(self, entry: Entry, link: Link) -> None:
        """Note that a stored envelope was sent on the present connection."""
        entry.sent_on = link
        entry.envelope = None
        self.in_flight += 1
        self.behind.discard(entry.envelope_id)

    def drop(self, entry: Entry) -> None:
        """Let go of an envelope, and free its place in the window. A stranger's share is freed by `free_share`.

        Raises:
            KeyError: it is not here.
        """
        envelope_id = entry.envelope_id
        if self.live.pop(envelope_id, None) is None:
            del self.waiting[envelope_id]
            self.held.pop(envelope_id, None)
            self.behind.discard(envelope_id)
            self.unwritten.discard(envelope_id)
        self.bytes_held -= entry.size
        if self.link is not None and entry.sent_on is self.link:
            self.in_flight -= 1
        entry.place = _GONE
        entry.envelope = None
        entry.sent_on = None

    def drop_live(self, entry: Entry) -> None:
        """Let go of an envelope that is live, as `drop` does."""
        del self.live[entry.envelope_id]
        self.bytes_held -= entry.size
        self.in_flight -= 1  # what is live was sent on the present connection
        entry.place = _GONE
        entry.envelope = entry.sent_on = None

    def free_share(self, entry: Entry) -> None:
        """Make room for another envelope of a stranger."""
        self.from_strangers -= 1
        self.bytes_from_strangers -= entry.size

    def next_window(self, *, max_bytes: int, eager: bool = False) -> list[Entry]:
        """Take the stored envelopes to send next, as many as the window and `max_bytes` allow.

        Each time costs a durable mark and a read, so that one is not refilled for a place or two: half of it has to be
        free, or enough for all that is unsent. `eager`: for any place.
        """
        room = _WINDOW - self.in_flight
        if not eager and room < _REFILL and room < len(self.unsent):
            return []
        taken: list[Entry] = []
        while self.unsent and len(taken) < room and max_bytes > 0:
            entry = self.unsent.popleft()
            if entry.place is _STORED:
                taken.append(entry)
                max_bytes -= entry.size
        return taken

    def _take_share(self, entry: Entry) -> None:
        self.from_strangers += 1
        self.bytes_from_strangers += entry.size
