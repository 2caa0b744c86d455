"""Leaving: everything goes, the answer can be asked for twice, and a crash between the two files is made good."""

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from sayso.consent.receipts import read_receipt
from sayso.protocol import api, tokens
from sayso.protocol.frames import OutcomeState
from sayso.protocol.limits import LIMITS
from sayso.server.services.erasure import ANSWER_KEPT_S, OUTLIVES
from tests.aio import run
from tests.fakes.control_server import control_server
from tests.fakes.control_world import FakeRelay, ServerClock
from tests.fakes.locking import comes, set_pin

NUMBER = "+447700900001"


def test_a_withdrawal_erases_everything_and_is_signed_for(tmp_path: Path) -> None:
    async def main() -> None:
        async with control_server(tmp_path) as server:
            device = await server.reachable(NUMBER)
            answer = await device.post(api.WITHDRAW_PATH, device.withdrawal())
            document = msgspec.json.decode(answer.body, type=api.Withdrawn).receipt
            receipt = read_receipt(document, receipt_key=device.statement.receipt_key)
            assert (receipt.event, receipt.device, receipt.outlives) == ("withdrawn", device.device, OUTLIVES)
            assert server.relay.ended == [(device.device, OutcomeState.GONE)]
            assert server.relay.lines == {}
            counts = await server.control.counts()
            assert (counts.enrolments, counts.one_time_keys, counts.pending, counts.erasures) == (0, 0, 0, 0)

    run(main())


LEFT = {
    "departed_devices": "This answer and the device's public key",
    "claim_answers": "Answers to the device's last key claims",
    "discovery_budgets": "How many numbers were asked for",
    "sms_buckets": "How many codes were sent",
    "sms_charges": "How many codes were sent",
}
"""Tables that may hold something after an erasure, and how the sentence begins that says so on the receipt."""


def test_what_lies_in_the_directory_after_an_erasure_is_what_the_receipt_lists(tmp_path: Path) -> None:
    """A line that has done everything a line can do: a PIN, claims, look-ups, a newcomer, a code of its own."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            device = await server.reachable(NUMBER)
            assert (await set_pin(device, "271828")).status == 200
            claim = api.Claim(device.drawn(), [api.ClaimLine(b"\5" + bytes(32))])
            assert (await device.post(api.CLAIM_PATH, claim)).status == 200
            asked = api.Evaluate(5, tokens.Blinded([b"somebody"]).elements)
            assert (await device.post(api.EVALUATE_PATH, asked)).status == 200
            newcomer = server.device(NUMBER)
            assert (await comes(server, newcomer))[2].problem == "locked"
            device.nonces.clear()
            await server.code_for(device)
            await newcomer.post(api.CANCEL_PATH, api.Empty())
            device.nonces.clear()
            answer = await device.post(api.WITHDRAW_PATH, device.withdrawal())
            assert answer.status == 200, answer.body
            with closing(sqlite3.connect(tmp_path / "directory.db")) as database:
                tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
                left = {one for one in tables if database.execute(f"SELECT count(*) FROM {one}").fetchone() != (0,)}  # noqa: S608  the schema's own names
            assert {"departed_devices", "claim_answers", "discovery_budgets", "sms_buckets"} <= left
            for table in left - {"alembic_version"}:
                assert any(said.startswith(LEFT[table]) for said in OUTLIVES), table

    run(main())


def test_the_same_withdrawal_gets_the_same_receipt_for_ten_minutes(tmp_path: Path) -> None:
    async def main() -> None:
        async with control_server(tmp_path) as server:
            device = await server.enrolled(NUMBER)
            first = await device.post(api.WITHDRAW_PATH, device.withdrawal())
            again = await device.post(api.WITHDRAW_PATH, device.withdrawal())
            assert (again.status, again.body) == (200, first.body)
            assert len(server.relay.ended) == 1
            other = await device.post(api.WITHDRAW_PATH, device.withdrawal("2026-11-24T10:00:00Z"))
            assert other.problem == "not-enrolled"
            server.clock.seconds += ANSWER_KEPT_S
            device.nonces.clear()
            late = await device.post(api.WITHDRAW_PATH, device.withdrawal())
            assert late.problem == "bad-signature", "its key is forgotten"

    run(main())


@pytest.mark.parametrize("what", ["other device", "other server", "other key", "no withdrawal"])
def test_a_withdrawal_of_something_else_changes_nothing(what: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with control_server(tmp_path) as server:
            device, other = await server.enrolled(NUMBER), await server.enrolled("+447700900002")
            pinned, own_id, own_key = device.pinned, device.device, device.key
            if what == "other device":
                device.device = other.device
            elif what == "other server":
                device.pinned = type(pinned)(bytes(32))
            elif what == "other key":
                device.key = other.key
            body = api.WithdrawConsent({}) if what == "no withdrawal" else device.withdrawal()
            device.device, device.pinned, device.key = own_id, pinned, own_key
            assert (await device.post(api.WITHDRAW_PATH, body)).problem == "malformed"
            assert (await server.control.counts()).enrolments == 2
            assert server.relay.ended == []

    run(main())


def test_an_erasure_that_was_interrupted_is_finished_before_anything_is_served(tmp_path: Path) -> None:
    async def main() -> None:
        clock, relay = ServerClock(), FakeRelay()
        async with control_server(tmp_path, clock=clock, relay=relay) as server:
            device = await server.reachable(NUMBER)
            relay.broken = True
            answer = await device.post(api.WITHDRAW_PATH, device.withdrawal())
            assert answer.problem == "unavailable", "nobody hears `erased` before it is"
            counts = await server.control.counts()
            assert (counts.enrolments, counts.erasures) == (0, 1)
        relay.broken = False
        async with control_server(tmp_path, clock=clock, relay=relay, seed=2) as server:
            assert relay.ended == [(device.device, OutcomeState.GONE)]
            assert (await server.control.counts()).erasures == 0
            device.client = server.client
            device.nonces.clear()
            assert (await device.post(api.WITHDRAW_PATH, device.withdrawal())).status == 200

    run(main())


def test_asking_again_finishes_what_was_interrupted(tmp_path: Path) -> None:
    async def main() -> None:
        async with control_server(tmp_path) as server:
            device = await server.enrolled(NUMBER)
            server.relay.broken = True
            await device.post(api.WITHDRAW_PATH, device.withdrawal())
            assert (await device.post(api.WITHDRAW_PATH, device.withdrawal())).problem == "unavailable"
            server.relay.broken = False
            assert (await device.post(api.WITHDRAW_PATH, device.withdrawal())).status == 200
            assert (await server.control.counts()).erasures == 0

    run(main())


def test_a_device_that_enrols_anew_keeps_its_new_line_when_the_old_erasure_is_finished(tmp_path: Path) -> None:
    async def main() -> None:
        async with control_server(tmp_path) as server:
            device = await server.enrolled(NUMBER)
            enrolment, code = await server.code_for(device)
            server.relay.broken = True
            answer = await device.post(api.CONFIRM_PATH, api.Confirm(enrolment, code))
            assert answer.problem == "unavailable"
            server.relay.broken = False
            await server.control.finish_erasures()
            assert set(server.relay.lines) == {device.device}
            answer = await device.post(api.CONFIRM_PATH, api.Confirm(enrolment, code))
            assert answer.status == 200
            assert (await device.post(api.ME_PATH, api.Empty())).status == 200

    run(main())


def test_an_enrolment_is_erased_28_days_after_its_last_contact(tmp_path: Path) -> None:
    async def main() -> None:
        async with control_server(tmp_path) as server:
            device = await server.reachable(NUMBER)
            server.clock.seconds += LIMITS.enrolment_expiry_s - 1
            await server.control.sweep()
            assert (await server.control.counts()).lapsed == 1
            await server.control.renew_leases({device.device: server.clock.running() + LIMITS.lease_s})
            assert (await server.control.counts()).lapsed == 0
            server.clock.seconds += LIMITS.enrolment_expiry_s
            await server.control.sweep()
            assert server.relay.ended == [(device.device, OutcomeState.GONE)]
            assert (await server.control.counts()).enrolments == 0

    run(main())
