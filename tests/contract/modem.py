"""What every modem must do: each adapter of the Modem port, and the fake that the phone's tests use."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol, TypeVar

import pytest

from sayso.phone.errors import ModemGoneError
from sayso.phone.ports import IncomingSms, Modem, ModemEvent, Sim, SmsSent, Storage
from sayso.protocol.modem import ModemProtocolError
from tests.aio import run

OURS, OTHERS, NOBODYS = "+447700900001", "+447700900002", "+447700900999"

TEXTS = [
    "hello",
    "",
    "\u0645\u0631\u062d\u0628\u0627 \u202eabc",
    "\U0001f469\u200d\U0001f467 ok",
    "x" * 2000,
    "line\nbreak\0",
]

EventT = TypeVar("EventT", Sim, IncomingSms, SmsSent, Storage)


class World(Protocol):
    """A network with one SIM, OURS, in the modem under test, and one, OTHERS, in a modem that nobody listens to."""

    modem: Modem

    async def inject(self, sender: str, text: str) -> None:
        """An SMS to OURS."""

    async def accepted(self) -> list[tuple[str, str]]:
        """Recipient and text of everything that OURS sent and the network accepted."""

    async def eject(self) -> None: ...

    async def insert(self) -> None: ...

    async def lock(self) -> None: ...

    async def cover(self, *, on: bool) -> None: ...

    async def vanish(self) -> None: ...

    async def come_back(self) -> None: ...


class Ears:
    """What a modem told, in order."""

    sim: Sim
    """The first thing that it told."""

    def __init__(self, events: AsyncIterator[ModemEvent]) -> None:
        self._events = events

    async def next(self, kind: type[EventT]) -> EventT:
        event = await anext(self._events)
        assert isinstance(event, kind), f"not a {kind.__name__}"
        return event

    async def settled(self, ref: int) -> list[str]:
        """The states of a reference until its last one; SMS that come in between are passed over."""
        states: list[str] = []
        while not states or states[-1] == "sent":
            event = await anext(self._events)
            if isinstance(event, SmsSent) and event.ref == ref:
                states.append(event.state)
        return states

    async def end(self) -> None:
        async for event in self._events:
            raise AssertionError(event)


@asynccontextmanager
async def attached(modem: Modem) -> AsyncIterator[Ears]:
    """Attach, and read past the SIM."""
    events = modem.events()
    ears = Ears(events)
    try:
        ears.sim = await ears.next(Sim)
        yield ears
    finally:
        assert isinstance(events, AsyncGenerator)
        await events.aclose()


class ModemContract:
    """The suite; a test class per modem says how to make a world, and what its kind of modem cannot do."""

    reports = True
    """Whether it tells what became of an SMS that the network has."""
    deletes = True
    """Whether what was deleted is gone; else it is told again, as the same, and the phone knows it."""
    identified = True
    """Whether it tells IMSI, ICCID and number; else `slot` at least."""
    carries_nul = True
    """Whether a NUL in a text gets through; else nothing is sent."""

    def world(self) -> AbstractAsyncContextManager[World]:
        raise NotImplementedError

    # ---- telling ----

    def test_the_sim_comes_first(self) -> None:
        async def main() -> None:
            async with self.world() as world:
                async with attached(world.modem) as ears:
                    sim = ears.sim
                assert (sim.present, sim.locked, sim.enabled) == (True, False, True)
                assert sim.operator
                if self.identified:
                    assert sim.number == OURS
                    assert sim.imsi.isdecimal()
                    assert sim.iccid.isdecimal()
                else:
                    assert sim.imsi.isdecimal() or sim.slot

        run(main())

    def test_stored_sms_and_then_news(self) -> None:
        async def main() -> None:
            async with self.world() as world:
                async with attached(world.modem) as ears:
                    await world.inject("+447700900003", "one")
                    await world.inject("Fiction", "two")
                    first, second = await ears.next(IncomingSms), await ears.next(IncomingSms)
                    assert [(sms.sender, sms.text) for sms in (first, second)] == [
                        ("+447700900003", "one"),
                        ("Fiction", "two"),
                    ]
                    assert first.sent_at > 0
                async with attached(world.modem) as ears:
                    again = [await ears.next(IncomingSms), await ears.next(IncomingSms)]
                    assert again == [first, second]
                    await world.inject("+447700900003", "three")
                    third = await ears.next(IncomingSms)
                    assert third.text == "three"
                    assert third.index not in {first.index, second.index}

        run(main())

    def test_what_came_while_nobody_listened(self) -> None:
        async def main() -> None:
            async with self.world() as world:
                await world.inject("+447700900003", "early")
                async with attached(world.modem) as ears:
                    assert (await ears.next(IncomingSms)).text == "early"

        run(main())

    def test_deleted_sms_are_not_told_again(self) -> None:
        async def main() -> None:
            async with self.world() as world:
                async with attached(world.modem) as ears:
                    await world.inject("+447700900003", "one")
                    await world.inject("+447700900003", "two")
                    first = await ears.next(IncomingSms)
                    await ears.next(IncomingSms)
                    for _ in range(2):
                        await world.modem.delete_sms(first.index)
                    await world.modem.delete_sms(999_999)
                    # An answer to something later shows that the deletions were heard.
                    await world.modem.ask_sent(1)
                    await ears.next(SmsSent)
                async with attached(world.modem) as ears:
                    if not self.deletes:
                        assert await ears.next(IncomingSms) == first
                    assert (await ears.next(IncomingSms)).text == "two"

        run(main())

    @pytest.mark.parametrize("text", TEXTS)
    def test_any_text(self, text: str) -> None:
        async def main() -> None:
            async with self.world() as world, attached(world.modem) as ears:
                await world.modem.send_sms(1, OURS, text)
                if "\0" in text and not self.carries_nul:
                    assert await ears.next(SmsSent) == SmsSent(ref=1, state="failed")
                    return
                while not isinstance(event := await anext(ears._events), IncomingSms):
                    pass
                assert (event.sender, event.text) == (OURS, text)

        run(main())

    # ---- sending ----

    def test_sent_and_delivered(self) -> None:
        async def main() -> None:
            async with self.world() as world, attached(world.modem) as ears:
                await world.modem.send_sms(7, OURS, "to myself")
                assert await self.outcome(ears, 7) == ["sent", "delivered"][: 1 + self.reports]
                assert await world.accepted() == [(OURS, "to myself")]

        run(main())

    def test_sent_and_not_delivered_yet(self) -> None:
        async def main() -> None:
            async with self.world() as world, attached(world.modem) as ears:
                await world.modem.send_sms(7, OTHERS, "are you there?")
                assert await ears.next(SmsSent) == SmsSent(ref=7, state="sent")
                await world.modem.ask_sent(7)
                assert await ears.next(SmsSent) == SmsSent(ref=7, state="sent")

        run(main())

    def test_a_number_of_nobody(self) -> None:
        async def main() -> None:
            async with self.world() as world, attached(world.modem) as ears:
                await world.modem.send_sms(7, NOBODYS, "hello")
                assert await self.outcome(ears, 7) == ["sent", "failed"][: 1 + self.reports]

        run(main())

    def test_the_same_reference_is_sent_once(self) -> None:
        async def main() -> None:
            async with self.world() as world, attached(world.modem) as ears:
                for _ in range(3):
                    await world.modem.send_sms(7, OTHERS, "once")
                for _ in range(3):
                    assert (await ears.next(SmsSent)).state == "sent"
                assert await world.accepted() == [(OTHERS, "once")]

        run(main())

    def test_a_reference_outlives_a_new_attachment(self) -> None:
        """The phone died after handing over: it asks, and it does no harm if it hands over again."""

        async def main() -> None:
            async with self.world() as world:
                async with attached(world.modem) as ears:
                    await world.modem.send_sms(7, OTHERS, "once")
                    await ears.next(SmsSent)
                async with attached(world.modem) as ears:
                    await world.modem.ask_sent(7)
                    assert await ears.next(SmsSent) == SmsSent(ref=7, state="sent")
                    await world.modem.send_sms(7, OTHERS, "once")
                    assert await ears.next(SmsSent) == SmsSent(ref=7, state="sent")
                assert len(await world.accepted()) == 1

        run(main())

    def test_a_reference_that_was_never_handed_over(self) -> None:
        async def main() -> None:
            async with self.world() as world, attached(world.modem) as ears:
                await world.modem.ask_sent(7)
                assert await ears.next(SmsSent) == SmsSent(ref=7, state="unknown")

        run(main())

    @pytest.mark.parametrize("to", ["nobody", "+", "+44 7700 900001"])
    def test_no_number(self, to: str) -> None:
        async def main() -> None:
            async with self.world() as world, attached(world.modem) as ears:
                await world.modem.send_sms(7, to, "hello")
                assert await ears.next(SmsSent) == SmsSent(ref=7, state="failed")
                assert await world.accepted() == []

        run(main())

    @pytest.mark.parametrize(
        ("to", "text"), [("", "x"), ("+" + "4" * 40, "x"), (OTHERS, "x" * 40_000), (OTHERS, "\ud800")]
    )
    def test_what_no_modem_can_be_told(self, to: str, text: str) -> None:
        async def main() -> None:
            async with self.world() as world, attached(world.modem) as ears:
                with pytest.raises(ModemProtocolError):
                    await world.modem.send_sms(7, to, text)
                await world.modem.ask_sent(7)
                assert (await ears.next(SmsSent)).state == "unknown"

        run(main())

    # ---- trouble ----

    def test_without_coverage_nothing_is_sent_and_the_reference_stays_free(self) -> None:
        async def main() -> None:
            async with self.world() as world, attached(world.modem) as ears:
                await world.cover(on=False)
                await world.modem.send_sms(7, OTHERS, "hello")
                assert await ears.next(SmsSent) == SmsSent(ref=7, state="failed")
                assert await world.accepted() == []
                await world.cover(on=True)
                await world.modem.send_sms(7, OTHERS, "hello")
                assert await ears.next(SmsSent) == SmsSent(ref=7, state="sent")
                assert len(await world.accepted()) == 1

        run(main())

    def test_a_sim_that_goes_and_comes_back(self) -> None:
        async def main() -> None:
            async with self.world() as world, attached(world.modem) as ears:
                await world.inject("+447700900003", "kept")
                await ears.next(IncomingSms)
                await world.eject()
                gone = await ears.next(Sim)
                assert (gone.present, gone.imsi, gone.iccid, gone.number) == (False, "", "", None)
                await world.modem.send_sms(7, OTHERS, "hello")
                assert await ears.next(SmsSent) == SmsSent(ref=7, state="failed")
                await world.insert()
                assert await ears.next(Sim) == ears.sim
                assert (await ears.next(IncomingSms)).text == "kept"

        run(main())

    def test_what_only_a_sim_can_answer_is_answered_when_it_is_back(self) -> None:
        async def main() -> None:
            async with self.world() as world, attached(world.modem) as ears:
                await world.modem.send_sms(7, OTHERS, "hello")
                await ears.next(SmsSent)
                await world.eject()
                await ears.next(Sim)
                await world.modem.ask_sent(7)
                await world.modem.ask_sent(8)
                await world.insert()
                await ears.next(Sim)
                answers = {(event := await ears.next(SmsSent)).ref: event.state for _ in range(2)}
                assert answers == {7: "sent", 8: "unknown"}

        run(main())

    def test_a_locked_sim(self) -> None:
        async def main() -> None:
            async with self.world() as world, attached(world.modem) as ears:
                await world.lock()
                sim = await ears.next(Sim)
                assert (sim.present, sim.locked, sim.imsi, sim.number) == (True, True, "", None)
                await world.modem.send_sms(7, OTHERS, "hello")
                assert (await ears.next(SmsSent)).state == "failed"
                assert await world.accepted() == []

        run(main())

    def test_a_modem_that_vanishes_and_comes_back(self) -> None:
        async def main() -> None:
            async with self.world() as world:
                async with attached(world.modem) as ears:
                    await world.inject("+447700900003", "kept")
                    await ears.next(IncomingSms)
                    await world.vanish()
                    await ears.end()
                    await self.nothing_works(world.modem)
                with pytest.raises(ModemGoneError):
                    await anext(world.modem.events())
                await world.come_back()
                async with attached(world.modem) as ears:
                    assert (await ears.next(IncomingSms)).text == "kept"

        run(main())

    def test_before_anybody_listens_nothing_works(self) -> None:
        async def main() -> None:
            async with self.world() as world:
                await self.nothing_works(world.modem)

        run(main())

    def test_the_last_to_listen_has_the_modem(self) -> None:
        async def main() -> None:
            async with self.world() as world, attached(world.modem) as first, asyncio.TaskGroup() as group:
                ended = group.create_task(first.end())
                async with attached(world.modem) as second:
                    await ended
                    await world.inject("+447700900003", "hello")
                    assert (await second.next(IncomingSms)).text == "hello"

        run(main())

    async def outcome(self, ears: Ears, ref: int) -> list[str]:
        """The states of a reference until the last one that this kind of modem tells."""
        return await ears.settled(ref) if self.reports else [(await ears.next(SmsSent)).state]

    @staticmethod
    async def nothing_works(modem: Modem) -> None:
        with pytest.raises(ModemGoneError):
            await modem.send_sms(7, OTHERS, "hello")
        with pytest.raises(ModemGoneError):
            await modem.ask_sent(7)
        with pytest.raises(ModemGoneError):
            await modem.delete_sms(1)
