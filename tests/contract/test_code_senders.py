"""The contract of `CodeSender`, over the fake, an HTTP gateway and an SMSC."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from sayso.carrier.adapters.kannel import Credentials, HttpRequest, read_sendsms
from sayso.server.adapters.smpp.config import SmppConfig
from sayso.server.adapters.smpp.sender import SmppSender
from sayso.server.adapters.smpp.session import Timing
from sayso.server.adapters.sms_gateway import GatewayConfig, KannelGateway
from sayso.server.adapters.system import SystemClock, SystemRandom
from sayso.server.ports import CodeSender
from tests.contract.code_sender import Answer, CodeSenderContract, Route
from tests.fakes.code_sender import FakeCodeSender
from tests.fakes.kannel import FakeKannel
from tests.fakes.sms_reports import FakeReports
from tests.fakes.smsc import FakeSmsc

ACCEPTED = FakeKannel().answer
REFUSED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"


class TestFakeCodeSender(CodeSenderContract):
    def open_route(self) -> AbstractAsyncContextManager[Route]:
        @asynccontextmanager
        async def route() -> AsyncIterator[Route]:
            fake = FakeCodeSender()

            def answer(what: Answer) -> None:
                fake.down, fake.in_doubt = what == "refuse", what == "break"

            yield Route(fake, lambda: [(number.e164, text) for number, text in fake.sent], answer)

        return route()

    def open_nowhere(self) -> AbstractAsyncContextManager[CodeSender]:
        @asynccontextmanager
        async def nowhere() -> AsyncIterator[CodeSender]:
            yield FakeCodeSender(down=True)

        return nowhere()


def read_by_kannel(kannel: FakeKannel) -> list[tuple[str, str]]:
    """What was accepted, read by the simulated carrier's parser of Kannel's interface."""
    taken = []
    for head, body in zip(kannel.heads, kannel.bodies, strict=True):
        lines = head.decode("ascii").split("\r\n")
        method, target, _ = lines[0].split(" ")
        headers = [(line.partition(": ")[0].lower(), line.partition(": ")[2].encode()) for line in lines[1:] if line]
        read = read_sendsms(HttpRequest(method, target, headers, body), Credentials("sayso", "secret"))
        taken.append((read.to[0], read.text))
    return taken


class TestKannelGateway(CodeSenderContract):
    def open_route(self) -> AbstractAsyncContextManager[Route]:
        @asynccontextmanager
        async def route() -> AsyncIterator[Route]:
            async with FakeKannel().running() as kannel:
                gateway = gateway_to(kannel.url)

                def answer(what: Answer) -> None:
                    kannel.answer = {"take": ACCEPTED, "refuse": REFUSED, "break": b"HTTP/1.1 "}[what]
                    kannel.hangs_up = what == "break"
                    # What was not taken does not count as received.
                    kannel.heads, kannel.bodies = [], []

                yield Route(gateway, lambda: read_by_kannel(kannel), answer)
                await gateway.close()

        return route()

    def open_nowhere(self) -> AbstractAsyncContextManager[CodeSender]:
        @asynccontextmanager
        async def nowhere() -> AsyncIterator[CodeSender]:
            async with FakeKannel().running() as kannel:
                url = kannel.url
            gateway = gateway_to(url)
            yield gateway
            await gateway.close()

        return nowhere()


def gateway_to(url: str) -> KannelGateway:
    return KannelGateway(GatewayConfig(url=url, username="sayso", password="secret", sender="Sayso"))


class TestSmppSender(CodeSenderContract):
    def open_route(self) -> AbstractAsyncContextManager[Route]:
        @asynccontextmanager
        async def route() -> AsyncIterator[Route]:
            async with FakeSmsc().running() as smsc, sender_to(smsc.port) as sender:

                def answer(what: Answer) -> None:
                    smsc.answer = what

                yield Route(sender, lambda: smsc.submitted, answer)

        return route()

    def open_nowhere(self) -> AbstractAsyncContextManager[CodeSender]:
        @asynccontextmanager
        async def nowhere() -> AsyncIterator[CodeSender]:
            async with FakeSmsc().running() as smsc:
                port = smsc.port
            async with sender_to(port, patience_s=0.2) as sender:
                yield sender

        return nowhere()


@asynccontextmanager
async def sender_to(port: int, *, patience_s: float = 30.0) -> AsyncIterator[SmppSender]:
    config = SmppConfig(
        address=f"127.0.0.1:{port}",
        system_id="sayso",
        password="secret",
        sender="Sayso",
        timing=Timing(answer_s=5.0),
        patience_s=patience_s,
        first_retry_s=0.02,
    )
    sender = SmppSender(config, clock=SystemClock(), random=SystemRandom(), reports=FakeReports())
    async with sender.running():
        yield sender
