"""A modem through the Gammu process: what it answers, as SIM and SMS.

There is no ICCID, and a modem does not tell its number to Gammu. A modem that refuses to send may have sent already,
for all that Gammu can tell, unless it refused before the network was asked.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Final, Protocol

from sayso.phone.adapters.polled_modem import Found, Look, MaybeSentError, NotSentError, Report
from sayso.phone.core.gammu import GammuError, GammuLook, GammuSms, read_look
from sayso.phone.errors import ModemGoneError
from sayso.phone.ports import Sim

EVERY_S: Final = 5.0
"""How long to wait between two looks."""
_SEND_S: Final = 300.0
"""255 parts, each with its network's patience, do not fit; what takes longer is `cannot-say`."""


class Link(Protocol):
    """Asks the process."""

    async def ask(self, request: Mapping[str, object], *, within_s: float) -> dict[str, object]:
        """Ask; see `programs.Worker.ask`."""
        ...


class OpenLink(Protocol):
    """Starts the process."""

    def __call__(self) -> AbstractAsyncContextManager[Link]:
        """Return the running process as a context."""
        ...


class GammuSource:
    """One modem."""

    def __init__(self, open_link: OpenLink) -> None:
        """Take a way to start the process; it is started by the first look."""
        self._open = open_link
        self._running: AsyncExitStack | None = None
        self._link: Link | None = None

    async def look(self) -> Look:
        """Look at SIM and storage; see `Source`."""
        answer = await self._ask({"do": "look"})
        try:
            look = read_look(answer)
        except GammuError as error:
            raise ModemGoneError(str(error)) from error
        return Look(sim=_sim(look), full=look.full, found=[_found(one) for one in look.sms])

    async def send(self, to: str, text: str) -> int | None:
        """Send an SMS; see `Source`."""
        answer = await self._ask({"do": "send", "to": to, "text": text}, within_s=_SEND_S)
        if "sent" in answer:
            reference = answer["sent"]
            return reference if isinstance(reference, int) else None
        if answer.get("maybe") is False:
            raise NotSentError("the modem refused")
        raise MaybeSentError("the modem broke off")

    async def delete(self, places: Sequence[int]) -> None:
        """Delete SMS; see `Source`."""
        for place in places:
            answer = await self._ask({"do": "delete", "location": place})
            if "error" in answer:
                raise ModemGoneError("the modem does not delete an SMS")

    async def _ask(self, request: Mapping[str, object], *, within_s: float = 60.0) -> dict[str, object]:
        if self._link is None:
            running = AsyncExitStack()
            self._link = await running.enter_async_context(self._open())
            self._running = running
        try:
            return await self._link.ask(request, within_s=within_s)
        except ModemGoneError:
            await self.close()
            raise

    async def close(self) -> None:
        """End the process; the next look starts another one."""
        running, self._running, self._link = self._running, None, None
        if running is not None:
            await running.aclose()


def _sim(look: GammuLook) -> Sim:
    readable = look.present and not look.locked
    return Sim(
        present=look.present,
        locked=look.locked,
        imsi=look.imsi if readable else "",
        iccid="",
        number=None,
        operator=look.operator if readable else "",
    )


def _found(one: GammuSms) -> Found | Report:
    if one.report:
        return Report(place=one.place, to=one.number, network_ref=one.network_ref, outcome=one.outcome)
    return Found(
        place=one.place,
        sender=one.number,
        text=one.text,
        data=one.data,
        sent_at=one.sent_at,
        port=one.port,
        part=one.part,
        flash=one.flash,
    )
