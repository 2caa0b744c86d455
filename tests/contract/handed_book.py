"""What every HandedBook must do."""

from contextlib import AbstractContextManager

from sayso.phone.ports import HandedBook, HandedSms

BOB, CAROL = "+447700900002", "+447700900003"


def entry(ref: int, *, to: str = BOB, state: str = "sent", network_ref: int | None = 5, at: float = 100.0) -> HandedSms:
    return HandedSms(ref=ref, to=to, place="there", state=state, network_ref=network_ref, at=at)


class HandedBookContract:
    """The suite."""

    def book(self) -> AbstractContextManager[HandedBook]:
        raise NotImplementedError

    def test_what_was_noted(self) -> None:
        with self.book() as book:
            assert book.get(1) is None
            noted = entry(1, state="handing", network_ref=None)
            book.put(noted)
            assert book.get(1) == noted
            book.put(entry(1))
            assert book.get(1) == entry(1)
            largest = entry(2**63 - 1)
            book.put(largest)
            assert book.get(2**63 - 1) == largest

    def test_what_was_forgotten(self) -> None:
        with self.book() as book:
            book.put(entry(1))
            book.forget(1)
            book.forget(1)
            assert book.get(1) is None

    def test_a_report_is_about_the_newest_sms_that_waits_for_one(self) -> None:
        with self.book() as book:
            book.put(entry(1, at=100.0))
            book.put(entry(2, at=200.0))
            book.put(entry(3, at=300.0, state="delivered"))
            book.put(entry(4, at=300.0, network_ref=6))
            book.put(entry(5, at=300.0, to=CAROL))
            assert book.reported(5, BOB) == entry(2, at=200.0)
            assert book.reported(5, CAROL) == entry(5, at=300.0, to=CAROL)
            assert book.reported(7, BOB) is None
