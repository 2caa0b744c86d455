"""An address book that another phone has written becomes contacts, number by number."""

from sayso.phone import command_types as ask
from sayso.phone.errors import CommandError
from sayso.phone.web.address_book import TakenOver, take_over
from tests.aio import run

CARDS = (
    "BEGIN:VCARD\nVERSION:3.0\nFN:Carol\nTEL:+44 7700 900103\nTEL:no number\nEND:VCARD\n"
    "BEGIN:VCARD\nTEL:+447700900104\nEND:VCARD\n"
)


class Book:
    """An owner's side that takes E.164 only."""

    def __init__(self) -> None:
        self.added: list[tuple[str, str]] = []

    async def handle(self, command: ask.Command) -> ask.Answer:
        assert isinstance(command, ask.AddContact)
        if not command.number.startswith("+"):
            raise CommandError("no number")
        self.added.append((command.name, command.number))
        return ask.Done()


def test_numbers_are_taken_over_and_the_rest_is_counted() -> None:
    book = Book()
    assert run(take_over(book, CARDS)) == TakenOver(taken=2, left_out=1)
    assert book.added == [("Carol", "+44 7700 900103"), ("+447700900104", "+447700900104")]


def test_a_file_that_is_none() -> None:
    book = Book()
    assert run(take_over(book, "\x00\xff")) == TakenOver(taken=0, left_out=0)
    assert book.added == []
