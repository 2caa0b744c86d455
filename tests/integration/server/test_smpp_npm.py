"""The SMPP adapter against an SMSC that nobody here wrote (npm `smpp`), and that misbehaves."""

import asyncio
import io
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog

from sayso.protocol.numbers import PhoneNumber
from sayso.server.adapters.smpp.config import SmppConfig
from sayso.server.adapters.smpp.sender import SmppSender
from sayso.server.adapters.smpp.session import Timing
from sayso.server.adapters.system import SystemClock, SystemRandom
from sayso.server.errors import SmsError, SmsNotTakenError
from tests.aio import run
from tests.fakes.sms_reports import FakeReports
from tests.integration.certificates import make_authority
from tests.integration.npm_smsc import NpmSmsc, npm_smsc

pytestmark = pytest.mark.slow

NUMBER, OTHER = PhoneNumber("+447700900123"), PhoneNumber("+12025550123")
TEXT = "Sayso code: 012345"


@asynccontextmanager
async def sending(
    smsc: NpmSmsc, reports: FakeReports | None = None, timing: Timing | None = None, **changes: object
) -> AsyncIterator[SmppSender]:
    """A sender whose timers are short: nothing here waits for seconds."""
    settings: dict[str, object] = {
        "address": smsc.address,
        "system_id": "sayso",
        "password": "secret",
        "sender": "Sayso",
        "timing": timing or Timing(answer_s=2.0, enquire_s=30.0, window=4),
        "patience_s": 8.0,
        "first_pause_s": 0.05,
        "first_retry_s": 0.02,
    }
    config = SmppConfig(**{**settings, **changes})  # type: ignore[arg-type]  # fields by name, for brevity
    sender = SmppSender(config, clock=SystemClock(), random=SystemRandom(), reports=reports or FakeReports())
    async with sender.running():
        yield sender


def test_a_code_is_handed_over_and_its_receipt_comes_back() -> None:
    async def main() -> None:
        reports = FakeReports()
        async with npm_smsc(receipt="delivered") as smsc, sending(smsc, reports) as sender:
            await sender.send(NUMBER, TEXT)
            assert await reports.wait_for(1) == [True]
            assert (await smsc.wait_for("delivered"))[0]["status"] == 0
            [submit] = smsc.all("submit")
            assert submit["to"] == "447700900123"
            assert (submit["ton"], submit["npi"], submit["from"], submit["from_ton"]) == (1, 1, "Sayso", 5)
            assert (submit["text"], submit["coding"], submit["receipt"]) == (TEXT, 0, 1)
            # Relative, ten minutes at most: later the code is worth nothing. The peer reads it as a date.
            assert submit["validity"]
            [bind] = smsc.all("bind")
            assert (bind["system_id"], bind["version"]) == ("sayso", 0x34)

    run(main())


@pytest.mark.parametrize(
    ("text", "coding"),
    [("Sayso code: 012345", 0), ("Grüße @ {€} code: 012345", 0), ("Сайсо code: 012345", 8), ("🔑 code: 012345", 8)],
)
def test_the_alphabet_fits_the_text(text: str, coding: int) -> None:
    async def main() -> None:
        async with npm_smsc() as smsc, sending(smsc) as sender:
            await sender.send(NUMBER, text)
            [submit] = await smsc.wait_for("submit")
            assert (submit["text"], submit["coding"]) == (text, coding)

    run(main())


def test_a_refused_bind_is_tried_again_and_who_waits_is_served() -> None:
    async def main() -> None:
        async with npm_smsc(binds=["refuse", "close", "ok"]) as smsc, sending(smsc) as sender:
            await sender.send(NUMBER, TEXT)
            assert [one["what"] for one in smsc.all("bind")] == ["refuse", "close", "ok"]

    run(main())


def test_a_wrong_password_is_told_to_the_operator_and_nobody_waits_for_ever() -> None:
    async def main() -> None:
        with structlog.testing.capture_logs() as log:
            async with npm_smsc() as smsc, sending(smsc, password="wrong", patience_s=0.5) as sender:
                with pytest.raises(SmsNotTakenError, match="too long"):
                    await sender.send(NUMBER, TEXT)
                assert smsc.all("submit") == []
        refusals = [line for line in log if line["event"] == "smsc-lost"]
        assert refusals
        assert refusals[0]["log_level"] == "error"
        assert "0x0000000d" in refusals[0]["reason"]
        assert "wrong" not in str(log)

    run(main())


def test_an_smsc_that_never_answers_the_bind() -> None:
    async def main() -> None:
        timing = Timing(answer_s=0.2, window=1)
        async with npm_smsc(binds=["silence", "ok"]) as smsc, sending(smsc, timing=timing) as sender:
            await sender.send(NUMBER, TEXT)
            assert len(smsc.all("bind")) == 2

    run(main())


def test_a_throttling_smsc_gets_the_same_sms_again() -> None:
    async def main() -> None:
        async with npm_smsc(submits=["throttle", "queue-full", "ok"]) as smsc, sending(smsc) as sender:
            await sender.send(NUMBER, TEXT)
            submits = smsc.all("submit")
            assert [one["what"] for one in submits] == ["throttle", "queue-full", "ok"]
            assert {(one["to"], one["text"]) for one in submits} == {("447700900123", TEXT)}

    run(main())


def test_an_smsc_that_throttles_for_ever() -> None:
    async def main() -> None:
        async with npm_smsc(submits=["throttle"]) as smsc, sending(smsc, patience_s=0.5) as sender:
            with pytest.raises(SmsNotTakenError, match="too long"):
                await sender.send(NUMBER, TEXT)
            # Pauses double: 0.05, 0.1, 0.2, 0.4 s.
            assert 2 <= len(smsc.all("submit")) <= 6

    run(main())


@pytest.mark.parametrize(
    ("what", "status"), [("reject", "0x0000000b"), ("vendor", "0x00000400"), ("nack", "0x00000003")]
)
def test_a_rejected_sms_is_not_sent_again(what: str, status: str) -> None:
    async def main() -> None:
        async with npm_smsc(submits=[what, "ok"]) as smsc, sending(smsc) as sender:
            with pytest.raises(SmsNotTakenError, match=status):
                await sender.send(NUMBER, TEXT)
            await sender.send(OTHER, TEXT)
            assert [one["to"] for one in smsc.all("submit")] == ["447700900123", "12025550123"]
            assert len(smsc.all("bind")) == 1

    run(main())


def test_an_answer_that_never_comes_leaves_it_in_doubt_and_nothing_is_sent_twice() -> None:
    async def main() -> None:
        timing = Timing(answer_s=0.2, window=1)
        async with npm_smsc(submits=["silence", "ok"]) as smsc, sending(smsc, timing=timing) as sender:
            with pytest.raises(SmsError, match="did not say") as failed:
                await sender.send(NUMBER, TEXT)
            assert not isinstance(failed.value, SmsNotTakenError)
            await sender.send(OTHER, TEXT)
            assert [one["to"] for one in smsc.all("submit")] == ["447700900123", "12025550123"]

    run(main())


@pytest.mark.parametrize("what", ["close", "close-mid-pdu", "lying-long", "lying-short", "garbage"])
def test_a_connection_that_breaks_leaves_it_in_doubt_and_comes_back(what: str) -> None:
    async def main() -> None:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        timing = Timing(answer_s=0.5, window=1)
        async with npm_smsc(submits=[what, "ok"]) as smsc, sending(smsc, timing=timing) as sender:
            with pytest.raises(SmsError, match="did not say"):
                await sender.send(NUMBER, TEXT)
            await sender.send(OTHER, TEXT)
            assert [one["to"] for one in smsc.all("submit")] == ["447700900123", "12025550123"]
            assert len(smsc.all("bind")) == 2
        # A claimed two gigabytes reserve nothing.
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024

    run(main())


def test_answers_in_another_order_and_to_nobody() -> None:
    async def main() -> None:
        async with npm_smsc(submits=["hold", "hold", "release", "wrong-sequence", "twice", "unknown-request"]) as smsc:
            async with sending(smsc) as sender:
                async with asyncio.TaskGroup() as tasks:
                    for _ in range(3):
                        tasks.create_task(sender.send(NUMBER, TEXT))
                for _ in range(3):
                    await sender.send(NUMBER, TEXT)
                assert (await smsc.wait_for("nack"))[0] == {"event": "nack", "status": 3, "sequence": 901}
                assert len(smsc.all("bind")) == 1
            assert len(smsc.all("submit")) == 6

    run(main())


def test_the_window_bounds_what_is_unanswered_and_the_queue_what_waits() -> None:
    async def main() -> None:
        timing = Timing(answer_s=30.0, window=2)
        async with (
            npm_smsc(submits=["silence"]) as smsc,
            sending(smsc, timing=timing, queue=3) as sender,
            asyncio.TaskGroup() as tasks,
        ):
            waiting = [tasks.create_task(sender.send(NUMBER, TEXT)) for _ in range(2)]
            await smsc.wait_for("submit", 2)
            waiting += [tasks.create_task(sender.send(NUMBER, TEXT)) for _ in range(3)]
            # The tasks enter the queue in their turn of the loop.
            await asyncio.sleep(0)
            with pytest.raises(SmsNotTakenError, match="keep up"):
                await sender.send(NUMBER, TEXT)
            assert len(smsc.all("submit")) == 2
            for task in waiting:
                task.cancel()

    run(main())


@pytest.mark.parametrize(
    ("receipt", "told"),
    [
        ("failed", [False]),
        ("repeated", [True]),
        ("early", [True]),
        ("enroute-then-delivered", [True]),
        ("decimal", [True]),
        ("malformed", [True]),
        ("foreign", []),
    ],
)
def test_receipts_that_come_as_they_like(receipt: str, told: list[bool]) -> None:
    """Repeated, before the answer they belong to, for messages of others, in another base, cut short."""

    async def main() -> None:
        reports = FakeReports()
        async with npm_smsc(receipt=receipt) as smsc, sending(smsc, reports) as sender:
            await sender.send(NUMBER, TEXT)
            await reports.wait_for(len(told))
            expected = {"repeated": 3, "enroute-then-delivered": 2}.get(receipt, 1)
            answers = await smsc.wait_for("delivered", expected)
            assert {one["status"] for one in answers} == {0}
            assert reports.told == told
            if receipt == "malformed":
                # Rejected for good, or it would come again and again; the connection goes on.
                assert {one["status"] for one in smsc.all("answered")} >= {0x65}
            assert len(smsc.all("bind")) == 1

    run(main())


def test_receipts_of_several_messages_in_another_order() -> None:
    async def main() -> None:
        reports = FakeReports()
        async with npm_smsc(receipt="reordered") as smsc, sending(smsc, reports) as sender:
            for _ in range(3):
                await sender.send(NUMBER, TEXT)
            assert await reports.wait_for(3) == [True, True, True]

    run(main())


def test_what_people_send_to_the_number_is_taken_and_forgotten() -> None:
    async def main() -> None:
        reports = FakeReports()
        with structlog.testing.capture_logs() as log:
            async with npm_smsc(after_bind="mobile-originated") as smsc, sending(smsc, reports):
                assert (await smsc.wait_for("delivered"))[0]["status"] == 0
        assert reports.told == []
        assert "STOP" not in str(log)
        assert "900999" not in str(log)

    run(main())


def test_both_sides_ask_whether_the_other_is_there() -> None:
    async def main() -> None:
        timing = Timing(answer_s=1.0, enquire_s=0.1)
        async with npm_smsc(after_bind="enquire") as smsc, sending(smsc, timing=timing):
            assert (await smsc.wait_for("alive"))[0]["status"] == 0
            await smsc.wait_for("enquire", 3)
            assert len(smsc.all("bind")) == 1

    run(main())


def test_an_smsc_that_is_silent_is_left_and_found_again() -> None:
    async def main() -> None:
        timing = Timing(answer_s=0.2, enquire_s=0.1)
        async with npm_smsc(enquire="silence") as smsc, sending(smsc, timing=timing) as sender:
            await smsc.wait_for("bind", 2)
            await sender.send(NUMBER, TEXT)

    run(main())


@pytest.mark.parametrize("bind", ["ok-then-close", "ok-then-unbind"])
def test_an_smsc_that_leaves_is_found_again(bind: str) -> None:
    async def main() -> None:
        async with npm_smsc(binds=[bind, "ok"]) as smsc, sending(smsc) as sender:
            await smsc.wait_for("bind", 2)
            await sender.send(NUMBER, TEXT)

    run(main())


def test_a_stopping_server_says_goodbye() -> None:
    async def main() -> None:
        async with npm_smsc() as smsc:
            async with sending(smsc) as sender:
                await sender.send(NUMBER, TEXT)
            await smsc.wait_for("unbind")
            await smsc.wait_for("closed")

    run(main())


def test_a_stopping_server_keeps_nobody_waiting() -> None:
    async def main() -> None:
        async with npm_smsc(binds=["refuse"]) as smsc, asyncio.TaskGroup() as tasks:
            async with sending(smsc) as sender:
                waiting = tasks.create_task(fails(sender))
                await smsc.wait_for("bind")
            assert await waiting == "the server is stopping"

    async def fails(sender: SmppSender) -> str:
        with pytest.raises(SmsNotTakenError) as failed:
            await sender.send(NUMBER, TEXT)
        return str(failed.value)

    run(main())


def test_over_tls(tmp_path: Path) -> None:
    async def main() -> None:
        [(certificate, key)] = make_authority(tmp_path, ["127.0.0.1"])
        async with npm_smsc(tls={"cert": str(certificate), "key": str(key)}) as smsc:
            async with sending(smsc, tls=True, tls_ca=tmp_path / "authority.pem") as sender:
                await sender.send(NUMBER, TEXT)
            assert len(smsc.all("submit")) == 1

    run(main())


def test_over_tls_a_stranger_learns_nothing(tmp_path: Path) -> None:
    """Somebody in between shows a certificate that nobody vouches for: no bind, no password, no number."""

    async def main() -> None:
        [(certificate, key)] = make_authority(tmp_path, ["127.0.0.1"])
        async with npm_smsc(tls={"cert": str(certificate), "key": str(key)}) as smsc:
            async with sending(smsc, tls=True, patience_s=0.5) as sender:
                with pytest.raises(SmsNotTakenError):
                    await sender.send(NUMBER, TEXT)
            assert smsc.all("bind") == []

    run(main())


def test_neither_number_nor_code_nor_password_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        caplog.set_level(0)
        said = io.StringIO()
        behaviours = ["throttle", "reject", "lying-long", "garbage", "silence", "ok"]
        timing = Timing(answer_s=0.3, window=1)
        with structlog.testing.capture_logs() as log:
            async with (
                npm_smsc(submits=behaviours, receipt="malformed") as smsc,
                sending(smsc, timing=timing) as sender,
            ):
                for _ in range(5):
                    try:
                        await sender.send(NUMBER, TEXT)
                    except SmsError as error:
                        said.write(f"{error!r} {error.__cause__!r} {error.__context__!r}")
        told = f"{log} {caplog.text} {said.getvalue()}"
        assert len(log) > 3
        assert not [secret for secret in ("7700900", "012345", "secret") if secret in told]

    run(main())
