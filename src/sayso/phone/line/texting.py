"""One modem: SMS both ways, and the registrar's code. Works with consent off, too.

An SMS that goes out has its state and reference stored before the modem gets it; after a crash, and after the modem was
away, the modem is asked about the reference before anything is handed over again. One that comes in is `incoming_sms`'.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from sayso.phone.core.lines import SimSeen
from sayso.phone.core.outgoing import SimGone, SmsState, State
from sayso.phone.core.reconnect import wait_s
from sayso.phone.core.texts import Text, after
from sayso.phone.errors import ModemGoneError
from sayso.phone.line.chance import chance
from sayso.phone.line.incoming_sms import IncomingSmsDesk
from sayso.phone.line.sim_watch import SimWatch
from sayso.phone.line.world import World
from sayso.phone.ports import IncomingSms, Modem, ModemEvent, Sim, SmsSent, Storage
from sayso.protocol.errors import ProtocolError

_MOST_WAIT_S: Final = 10.0
"""A modem is on this machine: asking for it often costs nobody anything."""
STORAGE_FULL: Final = (
    "the modem's storage for SMS is full, so new ones wait at the network: delete old ones that another app keeps there"
)


class Texting:
    """One line's modem."""

    def __init__(
        self, world: World, line: bytes, modem: Modem, *, sims: SimWatch, code_came: Callable[[], None]
    ) -> None:
        """Take a modem.

        Args:
            world: see `World`.
            line: id of the line.
            modem: the line's modem.
            sims: told what the modem says of its SIM, and asked whether it is the line's.
            code_came: called when the registrar's code has come and is stored with the device.
        """
        self._world = world
        self._line = line
        self._modem = modem
        self._sims = sims
        self._incoming = IncomingSmsDesk(world, line, modem, code_came=code_came)
        self.sms_chosen = asyncio.Event()
        """Set by whoever stores a text that goes by SMS."""
        self._looks_again = False

    async def run(self) -> None:
        """Serve the modem for as long as the phone runs."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._send_chosen())
            failures = 0
            while True:
                with contextlib.suppress(ModemGoneError):
                    async for event in self._modem.events():
                        failures = 0
                        await self._take(event)
                failures += 1
                self._sims.see(None)
                pause = min(_MOST_WAIT_S, wait_s(failures, chance(self._world.random)))
                await self._world.clock.sleep(pause)

    def look_again(self) -> None:
        """Settle all that waits for the line's SIM: the one that is in the phone has become that."""
        self._looks_again = True
        self.sms_chosen.set()

    async def _take(self, event: ModemEvent) -> None:
        match event:
            case Sim():
                self._sims.see(event)
                await self._ask_unsettled()
            case IncomingSms():
                await self._incoming.take(event)
            case SmsSent(ref=ref, state=word):
                await self._sent(ref, word)
            case Storage(full=full):
                self._tell_storage(full=full)

    def _tell_storage(self, *, full: bool) -> None:
        """Say that the modem has no room for SMS, until it has again: what other programs keep there is not ours."""
        line = self._world.store.lines.get(self._line)
        if full or line.trouble == STORAGE_FULL:
            with self._world.store.transaction("storage-seen"):
                self._world.store.lines.put(replace(line, trouble=STORAGE_FULL if full else None))
            self._world.news.line_changed(self._line)

    async def _send_chosen(self) -> None:
        while True:
            await self.sms_chosen.wait()
            self.sms_chosen.clear()
            if self._looks_again:
                self._looks_again = False
                await self._ask_unsettled()
            with contextlib.suppress(ModemGoneError):
                for text in self._world.store.texts.with_modem(self._line):
                    if text.state == State.SMS_SENDING and text.sms_sim is None:
                        await self._hand_over(text)

    async def _ask_unsettled(self) -> None:
        """Settle what the modem was given before; what it was not given yet is handed over now."""
        if self._sims.seen is not SimSeen.OURS:
            return
        with contextlib.suppress(ModemGoneError):
            for text in self._world.store.texts.with_modem(self._line):
                if text.sms_ref is None:
                    continue
                if text.sms_sim is None:
                    await self._hand_over(text)
                elif text.sms_sim == self._sims.view.digest:
                    await self._modem.ask_sent(text.sms_ref)
                else:
                    self._change(text, SimGone())

    async def _hand_over(self, text: Text) -> None:
        """Note which SIM gets the SMS, durably, and give it to the modem."""
        if self._sims.view.digest is None or self._sims.seen is not SimSeen.OURS or text.sms_ref is None:
            return  # the next word of the modem about its SIM tries again
        if self._world.store.texts.get(text.id) != text:
            return  # the other of the two that look for such texts was faster: two hand-overs would be two SMS
        with self._world.store.transaction("sms-handed"):
            self._world.store.texts.put(replace(text, sms_sim=self._sims.view.digest))
        await self._give(text)

    async def _give(self, text: Text) -> None:
        try:
            await self._modem.send_sms(text.sms_ref or 0, text.number, text.text)
        except ProtocolError:
            # The modem's own rules: no such address, or a text that it cannot encode.
            current = self._world.store.texts.get(text.id)
            if current is not None:
                self._change(current, SmsState("failed"))

    async def _sent(self, ref: int, word: str) -> None:
        text = self._world.store.texts.by_sms_ref(ref)
        if text is None or text.line != self._line:
            return
        now = self._change(text, SmsState(word))
        if word == "unknown" and now.state == State.SMS_SENDING and now.sms_sim == self._sims.view.digest:
            with contextlib.suppress(ModemGoneError):
                await self._give(now)

    def _change(self, text: Text, event: SmsState | SimGone) -> Text:
        now = after(text, event)
        if now != text:
            with self._world.store.transaction("sms-state"):
                self._world.store.texts.put(now)
            self._world.news.text_changed(now)
        return now
