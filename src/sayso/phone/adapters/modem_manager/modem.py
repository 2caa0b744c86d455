"""The Modem port over ModemManager.

`events` attaches; when it ends (ModemManager or the modem was restarted, reset or unplugged), calling it again attaches
anew, and the modem tells everything again. ModemManager keeps no references of ours: what it was given is noted in the
line's book before it may send, and after a crash the SMS object says what became of it, unless ModemManager was
restarted.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

from sayso.phone.adapters.modem_manager.attached import LOOK_S, Attached
from sayso.phone.adapters.modem_manager.bus import Bus, open_bus
from sayso.phone.adapters.modem_manager.choosing import choose
from sayso.phone.adapters.sms_bounds import check_sms
from sayso.phone.errors import ModemGoneError
from sayso.phone.ports import Clock, HandedBook, ModemEvent


class ModemManagerModem:
    """One modem."""

    def __init__(
        self,
        *,
        book: HandedBook,
        clock: Clock,
        device: str = "",
        bus_address: str | None = None,
        look_s: float = LOOK_S,
        open_bus: Callable[[str | None], AbstractAsyncContextManager[Bus]] = open_bus,
    ) -> None:
        """Take a modem's name; nothing is opened before `events`.

        Args:
            book: the line's memory of what its modem was given.
            clock: see `Clock`.
            device: which modem, as `choosing.choose` takes it; empty for the only one.
            bus_address: of the bus; by default the system's.
            look_s: how often to look whether it is still there.
            open_bus: connects to it.
        """
        self._book = book
        self._clock = clock
        self._look_s = look_s
        self._open_bus = open_bus
        self._device = device
        self._address = bus_address
        self._attached: Attached | None = None

    async def events(self) -> AsyncIterator[ModemEvent]:
        """Attach, and yield as the port says."""
        if self._attached is not None:
            self._attached.end()
        async with self._open_bus(self._address) as bus:
            modem = await choose(bus, self._device)
            attached = Attached(bus, modem.path, book=self._book, clock=self._clock, look_s=self._look_s)
            self._attached = attached
            try:
                async for event in attached.events():
                    yield event
            finally:
                if self._attached is attached:
                    self._attached = None

    async def send_sms(self, ref: int, to: str, text: str) -> None:
        """Hand over an SMS with a delivery report; errors as in the port and of `check_sms`."""
        check_sms(ref, to, text)
        await self._there().send(ref, to, text)

    async def ask_sent(self, ref: int) -> None:
        """Ask what became of `ref`; errors as in the port."""
        await self._there().ask(ref)

    async def delete_sms(self, index: int) -> None:
        """Delete a stored SMS; one that is gone already is no error. Errors as in the port."""
        await self._there().delete(index)

    def _there(self) -> Attached:
        if self._attached is None:
            raise ModemGoneError("the modem is not attached")
        return self._attached
