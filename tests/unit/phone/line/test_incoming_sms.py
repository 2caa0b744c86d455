"""SMS of the modem's storage: each becomes one row, whatever the modem does."""

from dataclasses import replace

import pytest

from sayso.phone.core.lines import Line
from sayso.phone.core.sms.incoming import SmsKind
from sayso.phone.core.texts import Text
from sayso.phone.errors import ModemGoneError
from sayso.phone.line.incoming_sms import NO_SENDER, IncomingSmsDesk
from sayso.phone.line.texting import STORAGE_FULL
from sayso.phone.ports import IncomingSms, Storage
from tests.aio import run
from tests.fakes.phones import ALICE, CAROL, Phone, Town

SMS = IncomingSms(index=1, sender=CAROL, text="hello", sent_at=1_700_000_000.0)


class Deleting:
    """What a desk needs of a modem: it deletes, or is gone."""

    def __init__(self) -> None:
        self.deleted: list[int] = []
        self.gone = False

    async def delete_sms(self, index: int) -> None:
        if self.gone:
            raise ModemGoneError("gone")
        self.deleted.append(index)


def desk(phone: Phone) -> tuple[IncomingSmsDesk, Deleting]:
    phone.boot()
    modem = Deleting()
    taken = IncomingSmsDesk(phone.service._world, phone.line, modem, code_came=lambda: None)  # type: ignore[arg-type]  # as above
    return taken, modem


def rows(phone: Phone) -> list[Text]:
    return phone.texts()


def test_one_row_and_then_it_is_deleted() -> None:
    async def main() -> None:
        alice = Town().phone(ALICE)
        taking, modem = desk(alice)
        await taking.take(SMS)
        (row,) = rows(alice)
        assert (row.number, row.text, row.at, row.reason) == (CAROL, "hello", SMS.sent_at, None)
        assert modem.deleted == [1]

    run(main())


def test_a_modem_that_repeats_itself() -> None:
    async def main() -> None:
        alice = Town().phone(ALICE)
        taking, modem = desk(alice)
        for _ in range(3):
            await taking.take(SMS)
        assert len(rows(alice)) == 1
        assert modem.deleted == [1, 1, 1]

    run(main())


def test_an_inbox_that_is_told_of_again_costs_no_transaction() -> None:
    """Android's stays as it is, and is told of at every start: a write for each would keep a phone busy for long."""

    async def main() -> None:
        alice = Town().phone(ALICE)
        taking, _ = desk(alice)
        await taking.take(SMS)
        written: list[str] = []
        alice.boundary = lambda name, _: written.append(name)
        await taking.take(SMS)
        assert written == []

    run(main())


def test_a_modem_that_was_reset_before_it_deleted() -> None:
    """It tells of the same SMS at another place: no second row; and then a place that was used before is used anew."""

    async def main() -> None:
        alice = Town().phone(ALICE)
        taking, modem = desk(alice)
        modem.gone = True
        await taking.take(SMS)
        modem.gone = False
        await taking.take(replace(SMS, index=9))
        assert len(rows(alice)) == 1
        assert modem.deleted == [9]
        await taking.take(replace(SMS, index=9, text="another"))
        assert [row.text for row in rows(alice)] == ["hello", "another"]

    run(main())


def test_two_sms_that_differ_in_nothing_are_two() -> None:
    async def main() -> None:
        alice = Town().phone(ALICE)
        taking, _ = desk(alice)
        await taking.take(SMS)
        await taking.take(replace(SMS, index=2))
        assert len(rows(alice)) == 2

    run(main())


def test_one_that_stays_is_not_deleted_and_not_shown_again_however_long_it_stays() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        taking, modem = desk(alice)
        partial = replace(SMS, kind=SmsKind.INCOMPLETE, text="", stays=True)
        for _ in range(20):
            await taking.take(partial)
            await town.pass_time(2 * 86400.0)
            # What the upkeep forgets, after a while.
            with alice.store.transaction("upkeep"):
                weeks_ago = town.clock.wall() - 14 * 86400.0
                alice.store.seen.forget_before(alice.line, envelopes=weeks_ago, sms=weeks_ago)
        assert len(rows(alice)) == 1
        assert modem.deleted == []

    run(main())


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (SmsKind.TEXT, None),
        (SmsKind.FLASH, "flash-sms"),
        (SmsKind.MMS, "mms-notice"),
        (SmsKind.BINARY, "binary-sms"),
        (SmsKind.INCOMPLETE, "incomplete-sms"),
    ],
)
def test_every_kind_is_shown_as_what_it_is(kind: SmsKind, reason: str | None) -> None:
    async def main() -> None:
        alice = Town().phone(ALICE)
        taking, _ = desk(alice)
        await taking.take(replace(SMS, kind=kind))
        assert [(row.reason, row.text) for row in rows(alice)] == [(reason, "hello")]

    run(main())


@pytest.mark.parametrize(("sender", "thread"), [("Fiction", "Fiction"), ("62442", "62442"), ("", NO_SENDER)])
def test_senders_that_are_no_number(sender: str, thread: str) -> None:
    async def main() -> None:
        alice = Town().phone(ALICE)
        taking, _ = desk(alice)
        await taking.take(replace(SMS, sender=sender, text=""))
        assert [(row.number, row.text) for row in rows(alice)] == [(thread, "")]

    run(main())


@pytest.mark.parametrize("sent_at", [0.0, -1.0, 1e12, float("inf")])
def test_a_clock_that_cannot_be_right_is_not_shown(sent_at: float) -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        taking, _ = desk(alice)
        await taking.take(replace(SMS, sent_at=sent_at))
        assert [row.at for row in rows(alice)] == [alice.service._world.clock.wall()]

    run(main())


def test_a_full_storage_is_told_until_it_has_room() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            alice.modem._say(Storage(full=True))
            await town.settle()
            assert trouble(alice) == STORAGE_FULL
            alice.modem._say(Storage(full=False))
            await town.settle()
            assert trouble(alice) is None

    run(main())


def trouble(phone: Phone) -> str | None:
    line: Line = phone.store.lines.get(phone.line)
    return line.trouble


def test_a_modem_that_cannot_say_leaves_it_to_a_person() -> None:
    """The SMS may have gone: it is not handed over again, whatever happens to modem and phone."""

    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await town.settle()
            alice.modem.vanish()
            sent = alice.send(CAROL, "once")
            alice.modem._refs[alice.text(sent).sms_ref or 0] = "cannot-say"
            alice.modem.come_back()
            await town.pass_time(60)
            assert (alice.state_of(sent), alice.text(sent).reason) == ("sms-unknown", "sms-forgotten")
        async with alice.running():
            await town.settle()
            assert alice.state_of(sent) == "sms-unknown"
        assert town.network.accepted == []

    run(main())


def test_ten_megabytes_in_a_burst() -> None:
    async def main() -> None:
        alice = Town().phone(ALICE)
        taking, modem = desk(alice)
        words = "x" * 38_000
        for index in range(280):
            await taking.take(replace(SMS, index=index, text=f"{index} {words}"))
        assert sum(len(row.text) for row in alice.store.texts.newest(line=None, number=None, limit=1000)) > 10 * 2**20
        assert len(modem.deleted) == 280

    run(main())
