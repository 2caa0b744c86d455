"""A line's own affairs: a device that is gone while it asks, and a consent that is given anew."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sayso.consent.policy import current_policy
from sayso.consent.receipts import read_receipt, receipt_digest
from sayso.consent.records import read_record, sign_record
from sayso.protocol import api
from sayso.protocol.api import ProblemType, SetGrant
from sayso.protocol.ids import DeviceId
from sayso.protocol.statement import Policy
from sayso.server.adapters.evaluator import PoolEvaluator
from sayso.server.core.discovery_budget import Allowance
from sayso.server.errors import Refused
from sayso.server.services.discovery import Discovery
from sayso.server.services.identity import ServerIdentity
from sayso.server.services.lines import Lines
from tests.aio import run
from tests.fakes.control_server import control_server
from tests.fakes.control_world import FakeRelay, ServerClock, secrets
from tests.fakes.directory import MemoryDirectory
from tests.fakes.discovery import MemoryDiscovery
from tests.fakes.enrolling_device import EnrollingDevice

GONE = DeviceId(b"g" * 16)


@pytest.mark.parametrize(
    "ask",
    [
        lambda lines: lines.renew(GONE),
        lambda lines: lines.holdings(GONE),
        lambda lines: lines.set_grant(SetGrant(b"h" * 32), device=GONE),
    ],
)
def test_who_is_not_enrolled_any_more_is_told(ask: Callable[[Lines], Coroutine[Any, Any, object]]) -> None:
    clock, relay, store = ServerClock(), FakeRelay(), MemoryDirectory()
    identity = ServerIdentity(secrets(), policy=current_policy(), stream="wss://chat.example", clock=clock)
    sets = MemoryDiscovery(store)
    discovery = Discovery(
        epochs=lambda: (5,),
        evaluator=PoolEvaluator(identity.voprf_keys),
        lines=store,
        budgets=sets,
        codes_key=secrets().codes,
        allowance=Allowance(),
        running=clock.running,
    )
    lines = Lines(
        identity=identity,
        store=store,
        keys=store,
        pins=store,
        locks=store,
        discovery=discovery,
        sets=sets,
        relay=relay,
        running=clock.running,
    )
    with pytest.raises(Refused) as refused:
        run(ask(lines))
    assert refused.value.problem is ProblemType.NOT_ENROLLED
    assert relay.lines == {}


def test_a_consent_given_anew_is_the_one_in_force(tmp_path: Path) -> None:
    async def main() -> None:
        async with control_server(tmp_path) as server:
            device = await server.enrolled()
            held = await holdings(device)
            record = msgspec.structs.replace(device.record(), record_id=b"n" * 16, findable="nobody")
            answer = await device.post(api.CONSENT_PATH, api.AgreeAnew(sign_record(record, device.key)))
            assert answer.status == 200
            agreed = msgspec.json.decode(answer.body, type=api.AgreedAnew)
            receipt = read_receipt(agreed.receipt, receipt_key=device.statement.receipt_key)
            assert (receipt.event, receipt.record_id, receipt.device) == ("given", record.record_id, device.device)
            assert receipt.record_sha256 == read_record(sign_record(record, device.key)).digest
            now_held = await holdings(device)
            assert now_held.receipt_sha256 == receipt_digest(receipt) != held.receipt_sha256
            assert now_held.findable == "nobody"
            assert server.relay.lines[device.device].hidden
            assert (now_held.token, now_held.device) == (held.token, held.device)

    run(main())


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"policy": Policy("0", b"0" * 32)}, "policy"),
        ({"server_key": b"0" * 32}, "malformed"),
        ({"device": b"0" * 16}, "malformed"),
        ({"kind": "update-check"}, "malformed"),
    ],
)
def test_a_consent_that_does_not_fit_changes_nothing(tmp_path: Path, change: dict[str, object], problem: str) -> None:
    async def main() -> None:
        async with control_server(tmp_path) as server:
            device = await server.enrolled()
            held = await holdings(device)
            record = msgspec.structs.replace(device.record(), **change)
            answer = await device.post(api.CONSENT_PATH, api.AgreeAnew(sign_record(record, device.key)))
            assert answer.problem == problem
            assert await holdings(device) == held

    run(main())


async def holdings(device: EnrollingDevice) -> api.Holdings:
    answer = await device.post(api.ME_PATH, api.Empty())
    assert answer.status == 200, answer.body
    return msgspec.json.decode(answer.body, type=api.Holdings)
