"""The store's book and the fake pass the same suite."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from sayso.phone.adapters.store import Store
from sayso.phone.core.lines import Line
from sayso.phone.ports import HandedBook
from tests.contract.handed_book import HandedBookContract, entry
from tests.fakes.handed_book import FakeBook

LINE, OTHER_LINE = b"l" * 16, b"m" * 16


@contextmanager
def opened() -> Iterator[Store]:
    store = Store(None, bytes(32))
    try:
        with store.transaction("lines"):
            store.lines.add(Line(id=LINE, name="one"))
            store.lines.add(Line(id=OTHER_LINE, name="two"))
        yield store
    finally:
        store.close()


class TestFake(HandedBookContract):
    def book(self) -> AbstractContextManager[HandedBook]:
        return self._book()

    @contextmanager
    def _book(self) -> Iterator[HandedBook]:
        yield FakeBook()


class TestStore(HandedBookContract):
    def book(self) -> AbstractContextManager[HandedBook]:
        return self._book()

    @contextmanager
    def _book(self) -> Iterator[HandedBook]:
        with opened() as store:
            yield store.handed(LINE)

    def test_lines_know_nothing_of_each_other(self) -> None:
        with opened() as store:
            store.handed(LINE).put(entry(1))
            assert store.handed(OTHER_LINE).get(1) is None
            assert store.handed(OTHER_LINE).reported(5, entry(1).to) is None

    def test_what_nobody_asks_for_any_more_is_forgotten(self) -> None:
        with opened() as store:
            book = store.handed(LINE)
            book.put(entry(1, at=0.0))
            book.put(entry(2, at=59 * 86400.0))
            assert book.get(1) is not None
            book.put(entry(3, at=61 * 86400.0))
            assert book.get(1) is None
            assert book.get(2) is not None
