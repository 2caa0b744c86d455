"""The HTTP gateway adapter against Debian's Kannel, with the configuration that docs/how-to ships, over npm's SMSC."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sayso.protocol.numbers import PhoneNumber
from sayso.server.adapters.delivery_callbacks import DeliveryCallbacks
from sayso.server.adapters.sms_gateway import GatewayConfig, KannelGateway
from sayso.server.adapters.system import SystemClock, SystemRandom
from sayso.server.errors import SmsNotTakenError
from tests.aio import run
from tests.fakes.sms_reports import FakeReports
from tests.integration.npm_smsc import npm_smsc
from tests.integration.server.kannel_boxes import boxes, what_kannel_wrote

pytestmark = pytest.mark.slow

NUMBER = PhoneNumber("+447700900123")
TEXT = "Sayso code: 012345"


@asynccontextmanager
async def gateway(port: int, reports: FakeReports, *, right: bool = True) -> AsyncIterator[KannelGateway]:
    """Our adapter, with its callbacks."""
    callbacks = DeliveryCallbacks(clock=SystemClock(), random=SystemRandom(), reports=reports)
    config = GatewayConfig(
        url=f"http://127.0.0.1:{port}/cgi-bin/sendsms",
        username="sayso",
        password="change-me" if right else "wrong",
        sender="Sayso",
    )
    async with callbacks.listening():
        ours = KannelGateway(config, callbacks=callbacks)
        try:
            yield ours
        finally:
            await ours.close()


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ({"receipt": "delivered"}, [True]),
        ({"receipt": "failed"}, [False]),
        ({"receipt": "repeated"}, [True]),
        ({"submits": ["reject"]}, [False]),
    ],
    ids=["delivered", "failed", "repeated", "rejected"],
)
def test_a_code_goes_through_kannel_and_its_fate_comes_back(
    tmp_path: Path, script: dict[str, object], told: list[bool]
) -> None:
    async def main() -> None:
        reports = FakeReports()
        async with npm_smsc(**script) as smsc:
            async with boxes(tmp_path, smsc.port) as port, gateway(port, reports) as ours:
                await ours.send(NUMBER, TEXT)
                assert await reports.wait_for(1) == told
            [submit] = smsc.all("submit")
            assert (submit["to"], submit["ton"], submit["text"]) == ("447700900123", 1, TEXT)
            assert (submit["from"], submit["receipt"]) == ("Sayso", 1)

    run(main())
    written = what_kannel_wrote(tmp_path)
    assert not [secret for secret in ("7700900", "012345") if secret in written]


def test_a_text_beyond_gsm_7_arrives_as_it_is(tmp_path: Path) -> None:
    async def main() -> None:
        async with npm_smsc() as smsc:
            async with boxes(tmp_path, smsc.port) as port, gateway(port, FakeReports()) as ours:
                await ours.send(NUMBER, "Сайсо code: 012345")
                await ours.send(NUMBER, "Grüße code: 012345")
                submits = await smsc.wait_for("submit", 2)
            assert [(one["text"], one["coding"]) for one in submits] == [
                ("Сайсо code: 012345", 8),
                ("Grüße code: 012345", 0),
            ]

    run(main())


def test_a_wrong_password_takes_no_sms(tmp_path: Path) -> None:
    async def main() -> None:
        async with npm_smsc() as smsc:
            async with boxes(tmp_path, smsc.port) as port, gateway(port, FakeReports(), right=False) as ours:
                with pytest.raises(SmsNotTakenError, match="403"):
                    await ours.send(NUMBER, TEXT)
            assert smsc.all("submit") == []

    run(main())
