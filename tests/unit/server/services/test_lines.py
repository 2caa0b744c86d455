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
from sayso.protocol.limits import LIMITS
from sayso.protocol.statement import Policy
from sayso.server.adapters.directory.tables import metadata
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
from tests.fakes.locking import comes, delay, set_pin

GONE = DeviceId(b"g" * 16)
ALICE, BOB = "+447700900001", "+447700900002"


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


SHOWN: dict[str, dict[str, str]] = {
    "enrolments": {
        "device": "device",
        "ed25519": "device",
        "curve25519": "device",
        "identity_signature": "device",
        "token": "token",
        "previous_token": "previous_token",
        "commitment": "commitment",
        "grant_hash": "grant_sha256",
        "findable": "findable",
        "lease_ends": "lease_ends_s",
        "receipt_sha256": "receipt_sha256",
        "policy_sha256": "policy_sha256",
        "enrolled_on": "enrolled_on",
        "highest_key": "highest_key",
        "claims_since": "claims_since_s",
        "claims_spent": "claims_spent",
    },
    # Keys that the phone has published are counted, or named by their ids.
    "one_time_keys": dict.fromkeys(("device", "id", "key", "signature"), "one_time_keys"),
    "fallback_keys": dict.fromkeys(("device", "id", "key", "signature"), "fallback_key"),
    "envelope_keys": dict.fromkeys(("device", "id", "created", "key", "signature", "replaced_at"), "envelope_keys"),
    # All of it repeats what the line's own rows have, or is a hash of a code that is good for ten minutes.
    "pending_enrolments": dict.fromkeys(
        (
            *("id", "device", "ed25519", "curve25519", "identity_signature", "token", "other_token", "commitment"),
            *("code_hash", "tries_left", "expires", "findable", "record_id", "record_sha256", "policy_sha256"),
            "result",
        ),
        "codes_asked",
    ),
    "pins": {
        **dict.fromkeys(("device", "salt", "verifier", "fresh_salt"), "pin_set"),
        **dict.fromkeys(("tries_left", "tries_open"), "pin_tries"),
        **dict.fromkeys(("own_tries_left", "own_tries_open"), "pin_own_tries"),
    },
    # The other device's id and key are its own.
    "newcomers": {
        **dict.fromkeys(("holder", "device", "ed25519", "until"), "newcomer_until_s"),
        "since": "newcomer_since_s",
    },
    "discovery_budgets": {
        "id": "token",
        "full_at": "discovery_full_at_s",
        "last_batch": "discovery_last_batch",
    },
    "set_departures": dict.fromkeys(("device", "leaves_at"), "set_leaves_at_s"),
}
"""Which field of the answer shows a column to its owner."""
NOBODYS = {
    "claim_answers": "sealed, under an id that only the device that asked can compute",
    "departed_devices": "of who has left: the answer to it is the receipt itself",
    "erasures": "of who has left, until the mailbox is erased too",
    "sms_buckets": "keyed hashes of a number, which the server does not have",
    "sms_charges": "the same, under the id of an enrolment that is asked for",
}
"""What no answer can show, and why."""


def test_every_column_of_the_directory_is_shown_to_its_owner_or_is_nobodys() -> None:
    tables = {table.name: {column.name for column in table.columns} for table in metadata.tables.values()}
    assert set(tables) == set(SHOWN) | set(NOBODYS)
    assert {name: set(columns) for name, columns in SHOWN.items()} == {name: tables[name] for name in SHOWN}
    fields = set(api.Holdings.__struct_fields__)
    assert {field for columns in SHOWN.values() for field in columns.values()} <= fields


def test_what_is_counted_of_a_line_is_shown_with_its_value(tmp_path: Path) -> None:
    async def main() -> None:
        async with control_server(tmp_path) as server:
            alice, bob = await server.reachable(ALICE), await server.reachable(BOB)
            before = await holdings(alice)
            assert (before.claims_since_s, before.claims_spent, before.newcomer_since_s) == (None, 0, None)
            assert before.highest_key >= 0

            assert (await set_pin(alice, "271828")).status == 200
            claim = api.Claim(alice.drawn(), [api.ClaimLine(server.token(bob)), api.ClaimLine(b"\5" + bytes(32))])
            assert (await alice.post(api.CLAIM_PATH, claim)).status == 200
            now = server.clock.running()
            assert (await comes(server, server.device(ALICE)))[2].problem == "locked"
            assert (await delay(alice, "314159")).problem == "pin", "a wrong one costs a try"
            alice.nonces.clear()
            await server.code_for(alice)
            held = await holdings(alice)
            assert held.claims_spent == 2
            assert held.claims_since_s is not None
            assert held.newcomer_since_s is not None
            assert held.newcomer_until_s == held.newcomer_since_s + LIMITS.lock_wait_s
            assert held.claims_since_s == int(now)
            assert (held.pin_tries, held.pin_own_tries) == (LIMITS.pin_tries, LIMITS.pin_tries - 1)
            assert held.codes_asked == before.codes_asked + 1

    run(main())
