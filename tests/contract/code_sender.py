"""What every `CodeSender` does, whatever it speaks."""

import asyncio
import gc
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from typing import Literal

import pytest

from sayso.protocol.numbers import PhoneNumber
from sayso.server.errors import SmsError, SmsNotTakenError
from sayso.server.ports import CodeSender
from tests.aio import run

NUMBER, OTHER = PhoneNumber("+447700900123"), PhoneNumber("+12025550123")
TEXT = "Sayso code: 012345"

Answer = Literal["take", "refuse", "break"]


@dataclass
class Route:
    """A sender, and the operator at its other end."""

    sender: CodeSender
    received: Callable[[], list[tuple[str, str]]]
    """Number and text of each SMS that the operator took."""
    answer: Callable[[Answer], None]
    """Let the operator take SMS, refuse them, or break off without an answer."""


class CodeSenderContract(ABC):
    """Subclass it and say how a route is opened."""

    @abstractmethod
    def open_route(self) -> AbstractAsyncContextManager[Route]:
        """An operator that takes SMS."""

    @abstractmethod
    def open_nowhere(self) -> AbstractAsyncContextManager[CodeSender]:
        """A sender whose operator is not there."""

    @pytest.mark.parametrize("text", [TEXT, "Сайсо code: 012345", "x" * 160, "я" * 70])
    def test_number_and_text_arrive_as_they_are(self, text: str) -> None:
        async def main() -> None:
            async with self.open_route() as route:
                await route.sender.send(NUMBER, text)
                assert route.received() == [(NUMBER.e164, text)]

        run(main())

    def test_many_at_once_all_arrive(self) -> None:
        async def main() -> None:
            async with self.open_route() as route:
                texts = [f"Sayso code: {code:06d}" for code in range(40)]
                async with asyncio.TaskGroup() as tasks:
                    for text in texts:
                        tasks.create_task(route.sender.send(NUMBER, text))
                assert sorted(text for _, text in route.received()) == texts

        run(main())

    def test_what_is_refused_was_surely_not_taken_and_the_next_one_is_served(self) -> None:
        async def main() -> None:
            async with self.open_route() as route:
                route.answer("refuse")
                with pytest.raises(SmsNotTakenError):
                    await route.sender.send(NUMBER, TEXT)
                route.answer("take")
                await route.sender.send(OTHER, TEXT)
                assert route.received() == [(OTHER.e164, TEXT)]

        run(main())

    def test_what_was_never_answered_is_in_doubt_and_not_sent_again(self) -> None:
        async def main() -> None:
            async with self.open_route() as route:
                route.answer("break")
                with pytest.raises(SmsError) as failed:
                    await route.sender.send(NUMBER, TEXT)
                assert not isinstance(failed.value, SmsNotTakenError)
                route.answer("take")
                await route.sender.send(OTHER, TEXT)
                assert route.received() == [(OTHER.e164, TEXT)]

        run(main())

    @pytest.mark.parametrize("text", ["", "x" * 161, "€" * 81, "я" * 71, "\ud800"])
    def test_what_is_no_single_sms_is_not_sent(self, text: str) -> None:
        """Two parts cost twice, and a code's text is ours: the service's name is too long."""

        async def main() -> None:
            async with self.open_route() as route:
                with pytest.raises(SmsNotTakenError):
                    await route.sender.send(NUMBER, text)
                assert route.received() == []

        run(main())

    def test_an_operator_that_is_not_there(self) -> None:
        async def main() -> None:
            async with self.open_nowhere() as sender:
                with pytest.raises(SmsNotTakenError):
                    await sender.send(NUMBER, TEXT)

        run(main())

    @pytest.mark.parametrize("answer", ["refuse", "break"])
    def test_errors_show_neither_number_nor_code(self, answer: Answer) -> None:
        async def main() -> None:
            async with self.open_route() as route:
                route.answer(answer)
                with pytest.raises(SmsError) as failed:
                    await route.sender.send(NUMBER, TEXT)
                error: BaseException | None = failed.value
                while error is not None:
                    assert "7700900" not in repr(error)
                    assert "012345" not in repr(error)
                    error = error.__cause__ or error.__context__

        run(main())

    @pytest.mark.parametrize("answer", ["refuse", "break"])
    def test_a_number_is_let_go_when_its_sms_has_failed(self, answer: Answer) -> None:
        """Not at the next collection: a cycle through the failure's traceback would keep it in memory until then."""

        async def main() -> None:
            async with self.open_route() as route:
                route.answer(answer)
                number = PhoneNumber(NUMBER.e164)
                before = sys.getrefcount(number)
                gc.disable()
                try:
                    with suppress(SmsError):
                        await route.sender.send(number, TEXT)
                    await asyncio.sleep(0)  # what was called back is over
                    assert sys.getrefcount(number) == before
                finally:
                    gc.enable()

        run(main())
