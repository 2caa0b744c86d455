"""An SMSC that cannot be reached: who waits for it is told in time, and nothing keeps their number."""

import asyncio
import gc
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from sayso.protocol.numbers import PhoneNumber
from sayso.server.adapters.smpp.config import SmppConfig
from sayso.server.adapters.smpp.sender import SmppSender
from sayso.server.adapters.smpp.session import Timing
from sayso.server.adapters.smpp.waiting import Job
from sayso.server.adapters.system import SystemClock, SystemRandom
from sayso.server.errors import SmsError
from tests.aio import run
from tests.fakes.sms_reports import FakeReports

NUMBER = "+447700900123"
PATIENCE_S, ANSWER_S = 0.3, 0.2


@contextmanager
def dead_port(*, listens: bool) -> Iterator[int]:
    """A port at which nobody answers: closed, or one that takes connections and says nothing."""
    with closing(socket.socket()) as held:
        held.bind(("127.0.0.1", 0))
        if listens:
            held.listen()
        yield held.getsockname()[1]


@contextmanager
def no_collections() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def waiting_jobs() -> list[Job]:
    return [one for one in gc.get_objects() if isinstance(one, Job)]


@pytest.mark.parametrize("listens", [False, True])
def test_who_waits_is_told_and_forgotten_at_once(listens: bool) -> None:  # noqa: FBT001  a parameter of the test
    async def main(port: int) -> None:
        config = SmppConfig(
            address=f"127.0.0.1:{port}",
            system_id="sayso",
            password="secret",
            sender="Sayso",
            timing=Timing(answer_s=ANSWER_S),
            patience_s=PATIENCE_S,
            first_retry_s=0.02,
        )
        sender = SmppSender(config, clock=SystemClock(), random=SystemRandom(), reports=FakeReports())
        async with sender.running():
            with no_collections():
                sending = asyncio.create_task(_outcome(sender))
                await asyncio.sleep(0)
                assert len(waiting_jobs()) == 1, "the search finds who waits"
                assert await sending == "SmsNotTakenError"
                del sending
                # What woke up is done with its frames.
                await asyncio.sleep(0)
                assert waiting_jobs() == []

    with dead_port(listens=listens) as port:
        run(main(port))


def test_the_bound_is_the_one_that_the_decision_names() -> None:
    config = SmppConfig(address="127.0.0.1:1", system_id="s", password="p", sender="S")
    assert (config.patience_s, config.timing.answer_s, config.queue) == (120, 10, 256)


async def _outcome(sender: SmppSender) -> str:
    try:
        await sender.send(PhoneNumber(NUMBER), "Sayso code: 012345")
    except SmsError as error:
        return type(error).__name__
    return "sent"
