"""Android's SMS through the programs of Termux:API.

Written from Termux:API's sources and never run on a phone (docs/how-to/use-a-modem.md says so). What Android does not
give away through it: IMSI and ICCID, so the SIM is known by slot and operator; what became of an SMS, so there is no
delivery report, and a crash while one is handed over is told as `cannot-say`; the inbox, which stays as it is: nothing
is deleted there, and what is told of again is recognised by the phone.
"""

from collections.abc import Sequence
from typing import Final

from sayso.phone.adapters.polled_modem import Found, Look, MaybeSentError, NotSentError
from sayso.phone.adapters.programs import Programs
from sayso.phone.core.termux import DeviceInfo, InboxSms, TermuxError, read_device_info, read_inbox
from sayso.phone.errors import ModemGoneError
from sayso.phone.ports import Sim

EVERY_S: Final = 5.0
"""How long to wait between two looks."""
_PAGE: Final = 200


class TermuxSource:
    """One SIM slot of an Android phone."""

    def __init__(self, programs: Programs, *, slot: int | None = None) -> None:
        """Take a SIM slot.

        Args:
            programs: runs Termux:API's programs.
            slot: counted from 0; None for Android's own choice.
        """
        self._programs = programs
        self._slot = slot
        self._known: dict[int, InboxSms] = {}

    async def look(self) -> Look:
        """Look at SIM and inbox; see `Source`."""
        info = await self._info()
        if info.state == "unknown":
            raise ModemGoneError("Android does not know its SIM yet")
        sim = self._sim(info)
        if not sim.present or sim.locked:
            return Look(sim=sim)
        await self._read_inbox()
        found = [
            Found(place=one.place, sender=one.sender, text=one.text, sent_at=one.received_at)
            for one in sorted(self._known.values(), key=lambda one: one.place)
        ]
        return Look(sim=sim, found=found)

    async def send(self, to: str, text: str) -> int | None:
        """Send an SMS; see `Source`. What succeeds says that Android has it, and no more."""
        if not (await self._info()).registered:
            raise NotSentError("Android is not registered with a network")
        slot = () if self._slot is None else ("-s", str(self._slot))
        try:
            printed = await self._programs.run("termux-sms-send", "-n", to, *slot, given=text.encode())
        except ModemGoneError as error:
            raise MaybeSentError("termux-sms-send broke off") from error
        if printed.strip():
            # It prints nothing but errors, such as a permission that the app does not have.
            raise NotSentError("termux-sms-send refused; does the app Termux:API have the permission for SMS?")
        return None

    async def delete(self, places: Sequence[int]) -> None:
        """Do nothing: the inbox is Android's."""

    async def close(self) -> None:
        """Nothing runs between two looks."""

    async def _info(self) -> DeviceInfo:
        try:
            return read_device_info(await self._programs.run("termux-telephony-deviceinfo"))
        except TermuxError as error:
            raise ModemGoneError(str(error)) from error

    def _sim(self, info: DeviceInfo) -> Sim:
        locked = info.state == "locked"
        ready = info.state == "ready"
        slot = f"{'any' if self._slot is None else self._slot}/{info.operator_code}"
        return Sim(
            present=ready or locked,
            locked=locked,
            imsi=info.imsi if ready else "",
            iccid=info.iccid if ready else "",
            number=None,
            operator=info.operator if ready else "",
            slot=slot if ready and not (info.imsi or info.iccid) else "",
        )

    async def _read_inbox(self) -> None:
        """Read pages, newest first, until one has nothing new."""
        offset = 0
        while True:
            page = await self._page(offset)
            fresh = [one for one in page if self._known.get(one.place) != one]
            self._known.update((one.place, one) for one in fresh)
            if not fresh or len(page) < _PAGE:
                return
            offset += _PAGE

    async def _page(self, offset: int) -> list[InboxSms]:
        printed = await self._programs.run("termux-sms-list", "-t", "inbox", "-l", str(_PAGE), "-o", str(offset))
        try:
            return read_inbox(printed, None)
        except TermuxError as error:
            raise ModemGoneError(str(error)) from error
