"""The Modem port over something that only answers when it is asked: Android through Termux, a modem through Gammu.

A `Source` says how the SIM stands, what lies in the storage, sends and deletes. This module makes a modem of it: looks
again and again, tells what is new, joins parts, keeps the line's book of what was handed over.

Such a source cannot be asked about one SMS among others. So the book says before each hand-over that one begins, and
after it how it ended; a crash between the two leaves `handing`, and that is told as `cannot-say`: a person decides.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final, Protocol, TypeAlias

from sayso.phone.adapters.alarm import next_within
from sayso.phone.adapters.sms_bounds import can_be_sent, check_sms
from sayso.phone.core.sms.assembly import PATIENCE_S, Part, Whole, assemble
from sayso.phone.core.sms.header import PartOf
from sayso.phone.core.sms.incoming import meaning
from sayso.phone.errors import ModemGoneError, PhoneError
from sayso.phone.ports import Clock, HandedBook, HandedSms, IncomingSms, ModemEvent, Sim, SmsSent, Storage

_HANDING: Final = "handing"
TELL_AGAIN_S: Final = 7 * 24 * 3600.0
"""So often it is told of all that lies in the storage: what is not deleted there must not outlive the phone's notes of
it, or it would be shown again after the next start."""


class _Word(Enum):
    """In place of an event."""

    END = auto()


_Said: TypeAlias = ModemEvent | _Word
_Out: TypeAlias = asyncio.Queue[_Said | None]


class NotSentError(PhoneError):
    """The source did not take an SMS: nothing was sent."""


class MaybeSentError(PhoneError):
    """The source broke off while it was sending: nobody can say."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Found:
    """One SMS, or one part of one, in a source's storage."""

    place: int
    """Stays the same until it is deleted."""
    sender: str
    text: str
    sent_at: float
    """Unix seconds; 0 where the source does not say."""
    data: bytes = b""
    port: int | None = None
    part: PartOf | None = None
    flash: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Report:
    """A delivery report in a source's storage."""

    place: int
    to: str
    network_ref: int
    outcome: str | None
    """`delivered`, `failed`, or None while the network still tries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look at a source shows."""

    sim: Sim
    full: bool = False
    found: Sequence[Found | Report] = ()
    """All that lies in the storage, oldest first; nothing while the SIM cannot be read."""


class Source(Protocol):
    """What a polled modem is made of."""

    async def look(self) -> Look:
        """Look at SIM and storage.

        Raises:
            ModemGoneError: it cannot be reached.
        """
        ...

    async def send(self, to: str, text: str) -> int | None:
        """Send an SMS; returns the network's reference of it, if there is one.

        Raises:
            NotSentError: nothing was sent.
            MaybeSentError: nobody can say.
            ModemGoneError: it cannot be reached; nobody can say whether it was sent.
        """
        ...

    async def delete(self, places: Sequence[int]) -> None:
        """Delete SMS; one that is gone already is no error.

        Raises:
            ModemGoneError: it cannot be reached, or does not delete.
        """
        ...

    async def close(self) -> None:
        """End whatever runs for it; a later look begins anew."""
        ...


class PolledModem:
    """One modem."""

    def __init__(
        self,
        source: Source,
        *,
        book: HandedBook,
        clock: Clock,
        every_s: float,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Take a source; nothing is asked of it before `events`.

        Args:
            source: see `Source`.
            book: the line's memory of what its modem was given.
            clock: see `Clock`.
            every_s: how long to wait between two looks.
            patience_s: how long parts wait for the others.
        """
        self._source = source
        self._book = book
        self._clock = clock
        self._every_s = every_s
        self._patience_s = patience_s
        self._out: _Out | None = None
        self._sim: Sim | None = None
        self._places: dict[int, tuple[int, ...]] = {}
        self._told_all_at = 0.0
        self._seen: dict[int, float] = {}
        self._asked: set[int] = set()

    async def events(self) -> AsyncIterator[ModemEvent]:
        """Attach, and yield as the port says. Ends when the source cannot be reached any more."""
        if self._out is not None:
            self._out.put_nowait(_Word.END)
        out: _Out = asyncio.Queue()
        self._out, self._sim, self._places = out, None, {}
        full = False
        try:
            look = await self._source.look()
            while True:
                try:
                    news = await self._told(look, full=full)
                except ModemGoneError:
                    return
                for event in news:
                    yield event
                full = look.full
                moment = self._clock.monotonic() + self._every_s
                while (left := moment - self._clock.monotonic()) > 0:
                    said: _Said | None = await next_within(self._clock, left, out)
                    if isinstance(said, _Word):
                        return
                    if said is not None:
                        yield said
                try:
                    look = await self._source.look()
                except ModemGoneError:
                    return
        finally:
            if self._out is out:
                self._out = None
                await self._source.close()

    async def send_sms(self, ref: int, to: str, text: str) -> None:
        """Hand over an SMS; errors as in the port and of `check_sms`."""
        check_sms(ref, to, text)
        self._require_attached()
        if self._readable and self._book.get(ref) is not None:
            self._answer(ref)
        elif not self._readable or not can_be_sent(to, text):
            self._say(SmsSent(ref=ref, state="failed"))
        else:
            await self._hand_over(HandedSms(ref=ref, to=to, place="", state=_HANDING, at=self._clock.wall()), text)

    async def ask_sent(self, ref: int) -> None:
        """Tell what the book says of `ref`; errors as in the port."""
        self._require_attached()
        if self._readable:
            self._answer(ref)
        else:
            self._asked.add(ref)

    async def delete_sms(self, index: int) -> None:
        """Delete a stored SMS with all its parts; one that is gone already is no error. Errors as in the port."""
        self._require_attached()
        places = self._places.get(index)
        if places is not None:
            await self._source.delete(places)
            self._places.pop(index, None)

    async def _hand_over(self, entry: HandedSms, text: str) -> None:
        self._book.put(entry)
        try:
            network_ref = await self._source.send(entry.to, text)
        except NotSentError:
            self._book.forget(entry.ref)
            self._say(SmsSent(ref=entry.ref, state="failed"))
        except MaybeSentError:
            self._note(entry, "cannot-say")
        except ModemGoneError:
            if self._out is not None:
                self._out.put_nowait(_Word.END)  # who attaches anew asks what became of it
            raise
        else:
            self._note(replace(entry, network_ref=network_ref), "sent")

    def _answer(self, ref: int) -> None:
        entry = self._book.get(ref)
        if entry is None:
            self._say(SmsSent(ref=ref, state="unknown"))
        elif entry.state == _HANDING:
            self._note(entry, "cannot-say")
        else:
            self._say(SmsSent(ref=ref, state=entry.state))

    def _note(self, entry: HandedSms, state: str) -> None:
        self._book.put(replace(entry, state=state))
        self._say(SmsSent(ref=entry.ref, state=state))

    # ---- telling ----

    async def _told(self, look: Look, *, full: bool) -> list[ModemEvent]:
        """Return what is new in a look."""
        news: list[ModemEvent] = []
        before, readable_before = self._sim, self._readable
        if look.sim != before:
            if not readable_before or before is None or _name(before) != _name(look.sim):
                self._places = {}  # it is told anew what lies there
            self._sim = look.sim
            news.append(look.sim)
        if look.full != full:
            news.append(Storage(full=look.full))
        if self._readable:
            news += self._incoming(look)
            news += await self._reports(look)
            if not readable_before:
                asked, self._asked = self._asked, set()
                for ref in sorted(asked):
                    self._answer(ref)
        return news

    def _incoming(self, look: Look) -> list[ModemEvent]:
        """Return the SMS that are whole, or given up, and were not told of yet. A full storage has no patience."""
        now = self._clock.monotonic()
        if not self._places or now - self._told_all_at >= TELL_AGAIN_S:
            self._places, self._told_all_at = {}, now
        self._seen = {one.place: self._seen.get(one.place, now) for one in look.found}
        found = [one for one in look.found if isinstance(one, Found)]
        parts = [_part(one, one.part, self._seen[one.place]) for one in found if one.part is not None]
        patience_s = 0.0 if look.full else self._patience_s
        ready: list[tuple[tuple[int, ...], IncomingSms]] = [
            ((one.place,), _single(one)) for one in found if one.part is None
        ]
        ready += [(whole.places, _joined(whole)) for whole in assemble(parts, now=now, patience_s=patience_s)]
        self._places = {index: places for index, places in self._places.items() if places[0] in self._seen}
        news: list[ModemEvent] = []
        for places, sms in sorted(ready, key=lambda one: one[0]):
            if self._places.get(sms.index) != places:
                self._places[sms.index] = places
                news.append(sms)
        return news

    async def _reports(self, look: Look) -> list[ModemEvent]:
        """Match delivery reports, and delete them: nobody else can use them."""
        news: list[ModemEvent] = []
        for report in look.found:
            if isinstance(report, Report):
                entry = self._book.reported(report.network_ref, report.to)
                if entry is not None and report.outcome is not None:
                    self._book.put(replace(entry, state=report.outcome))
                    news.append(SmsSent(ref=entry.ref, state=report.outcome))
                await self._source.delete([report.place])
        return news

    def _say(self, event: ModemEvent) -> None:
        if self._out is not None:
            self._out.put_nowait(event)

    @property
    def _readable(self) -> bool:
        return self._sim is not None and self._sim.present and not self._sim.locked

    def _require_attached(self) -> None:
        if self._out is None:
            raise ModemGoneError("the modem is not attached")


def _name(sim: Sim) -> tuple[str, str, str]:
    return sim.imsi, sim.iccid, sim.slot


def _part(one: Found, of: PartOf, seen_at: float) -> Part:
    return Part(
        place=one.place,
        sender=one.sender,
        sent_at=one.sent_at,
        seen_at=seen_at,
        of=of,
        text=one.text,
        data=one.data,
        port=one.port,
        flash=one.flash,
    )


def _single(one: Found) -> IncomingSms:
    what = meaning(sender=one.sender, text=one.text, data=one.data, port=one.port, flash=one.flash)
    return IncomingSms(index=one.place, sender=what.sender, text=what.text, sent_at=one.sent_at, kind=what.kind)


def _joined(whole: Whole) -> IncomingSms:
    what = meaning(
        sender=whole.sender,
        text=whole.text,
        data=whole.data,
        port=whole.port,
        flash=whole.flash,
        missing=whole.missing,
    )
    return IncomingSms(index=whole.places[0], sender=what.sender, text=what.text, sent_at=whole.sent_at, kind=what.kind)
