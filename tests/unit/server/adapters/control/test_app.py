"""The control plane as a client sees it: paths, fields, problems."""

import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from sayso.consent.receipts import read_receipt, receipt_digest
from sayso.protocol import api, tokens
from sayso.protocol.api import ProblemType
from sayso.protocol.certificate import check_number, read_certificate
from sayso.protocol.ids import grant_hash
from sayso.protocol.limits import DAY, LIMITS
from sayso.protocol.numbers import PhoneNumber
from sayso.protocol.requests import Request, sign_request
from sayso.protocol.statement import Policy
from sayso.server.adapters.control.openapi import SCHEMA_PATH
from sayso.server.adapters.control.operations import SIGNED
from tests.aio import run
from tests.fakes.asgi import Answer
from tests.fakes.control_server import STREAM, ControlServer, control_server
from tests.fakes.control_world import WALL, secrets
from tests.fakes.enrolling_device import AUTHORITY, NO_NONCE
from tests.fakes.locking import comes, enter_pin

NUMBER = "+447700900001"


def serve(folder: Path, scene: Callable[[ControlServer], Awaitable[None]], *, claims_per_day: int = 2000) -> None:
    async def main() -> None:
        async with control_server(folder, claims_per_day=claims_per_day) as server:
            await scene(server)

    run(main())


def test_a_line_enrols_publishes_is_written_to_and_leaves(tmp_path: Path) -> None:
    async def scene(server: ControlServer) -> None:
        alice = server.device(NUMBER)
        enrolment, code = await server.code_for(alice)
        answer = await alice.post(api.CONFIRM_PATH, api.Confirm(enrolment, code))
        enrolled = msgspec.json.decode(answer.body, type=api.Enrolled)
        assert enrolled.lease_s == LIMITS.lease_s
        receipt = read_receipt(enrolled.receipt, receipt_key=alice.statement.receipt_key)
        assert (receipt.event, receipt.record_id, receipt.device) == ("given", alice.record_id, alice.device)
        certificate = read_certificate(
            enrolled.certificate, certificate_key=alice.statement.certificate_key, server=alice.pinned
        )
        check_number(certificate, salt=alice.salt, number=PhoneNumber(NUMBER))
        assert certificate.token == tokens.token_of(secrets().voprf, 5, PhoneNumber(NUMBER))
        assert certificate.expires == int(WALL) + LIMITS.certificate_s

        published = alice.all_keys(3)
        answer = await alice.post(api.KEYS_PATH, published)
        assert msgspec.json.decode(answer.body, type=api.KeysLeft).one_time_keys == 3
        bob = await server.enrolled("+447700900002")
        claim = api.Claim(bob.drawn(), [api.ClaimLine(certificate.token), api.ClaimLine(b"\5" + bytes(32))])
        answer = await bob.post(api.CLAIM_PATH, claim)
        claimed = msgspec.json.decode(answer.body, type=api.Claimed)
        assert [len(line.devices) for line in claimed.lines] == [1, 0]
        assert claimed.lines[0].devices[0].ratchet == published.one_time[0]
        assert server.relay.lines[alice.device].one_time_keys == 2

        server.relay.waiting[alice.device] = (4, 8192)
        holdings = msgspec.json.decode((await alice.post(api.ME_PATH, api.Empty())).body, type=api.Holdings)
        assert (holdings.token, holdings.device, holdings.one_time_keys) == (certificate.token, alice.keys(), 2)
        assert (holdings.waiting_envelopes, holdings.waiting_bytes) == (4, 8192)
        assert holdings.receipt_sha256 == receipt_digest(receipt)

        answer = await alice.post(api.WITHDRAW_PATH, alice.withdrawal())
        gone = msgspec.json.decode(answer.body, type=api.Withdrawn)
        assert read_receipt(gone.receipt, receipt_key=alice.statement.receipt_key).event == "withdrawn"
        claim = api.Claim(bob.drawn(), claim.lines)
        answer = await bob.post(api.CLAIM_PATH, claim)
        assert msgspec.json.decode(answer.body, type=api.Claimed).lines[0].devices == []

    serve(tmp_path, scene)


def test_evaluations_come_with_a_proof_for_the_statements_key(tmp_path: Path) -> None:
    async def scene(server: ControlServer) -> None:
        device = await server.enrolled(NUMBER)
        numbers = [PhoneNumber(f"+4477009000{place:02}") for place in range(20)]
        blinded = tokens.Blinded([tokens.voprf_input(number) for number in numbers])
        answer = await device.post(api.EVALUATE_PATH, api.Evaluate(5, blinded.elements))
        evaluated = msgspec.json.decode(answer.body, type=api.Evaluated).evaluated
        outputs = blinded.finish(evaluated, public_key=device.statement.epochs[0].voprf_key)
        expected = [tokens.token_of(secrets().voprf, 5, number) for number in numbers]
        assert [tokens.token_from_output(5, output) for output in outputs] == expected

    serve(tmp_path, scene)


def test_the_lease_is_renewed_and_wakes_a_line_that_has_lapsed(tmp_path: Path) -> None:
    async def scene(server: ControlServer) -> None:
        device = await server.reachable(NUMBER)
        bob = await server.enrolled("+447700900002")
        line = [api.ClaimLine(server.token(device))]
        server.clock.seconds += LIMITS.lease_s
        device.nonces.clear()
        bob.nonces.clear()
        answer = await bob.post(api.CLAIM_PATH, api.Claim(bob.drawn(), line))
        assert msgspec.json.decode(answer.body, type=api.Claimed).lines[0].devices == []
        answer = await device.post(api.CERTIFICATE_PATH, api.Empty())
        renewed = msgspec.json.decode(answer.body, type=api.Renewed)
        certificate = read_certificate(
            renewed.certificate, certificate_key=device.statement.certificate_key, server=device.pinned
        )
        assert certificate.expires == int(WALL) + LIMITS.lease_s + LIMITS.certificate_s
        assert server.relay.lines[device.device].lease_ends == server.clock.running() + LIMITS.lease_s
        answer = await bob.post(api.CLAIM_PATH, api.Claim(bob.drawn(), line))
        assert len(msgspec.json.decode(answer.body, type=api.Claimed).lines[0].devices) == 1

    serve(tmp_path, scene)


def test_the_grant_reaches_relay_and_directory(tmp_path: Path) -> None:
    async def scene(server: ControlServer) -> None:
        grant = b"g" * 32
        hidden = await server.reachable(NUMBER, findable="nobody", grant_hash=grant_hash(grant))
        assert server.relay.lines[hidden.device].grant_hash == grant_hash(grant)
        bob = await server.enrolled("+447700900002")
        for shown, devices in ((b"", 0), (b"x" * 32, 0), (grant, 1)):
            claim = api.Claim(bob.drawn(), [api.ClaimLine(server.token(hidden), shown)])
            answer = await bob.post(api.CLAIM_PATH, claim)
            assert len(msgspec.json.decode(answer.body, type=api.Claimed).lines[0].devices) == devices

    serve(tmp_path, scene)


# The statement and the schema: for everyone, and the same for everyone


def test_the_statement_carries_nothing_that_could_mark_a_phone(tmp_path: Path) -> None:
    async def scene(server: ControlServer) -> None:
        device = server.device()
        answers = [await device.fetch_statement() for _ in range(2)]
        assert answers[0] == answers[1]
        assert device.statement.stream == STREAM
        answer = answers[0]
        names = {name for name, _ in answer.fields}
        assert names == {"content-type", "content-length", "etag", "cache-control", "x-content-type-options"}
        assert answer.field("etag") == f'"{hashlib.sha256(answer.body).hexdigest()}"'
        assert "public" in (answer.field("cache-control") or "")

    serve(tmp_path, scene)


def test_a_statement_that_is_known_is_not_sent_again(tmp_path: Path) -> None:
    async def scene(server: ControlServer) -> None:
        tag = (await server.client.request("GET", api.STATEMENT_PATH, [])).field("etag") or ""
        for known in (tag, f'"other", W/{tag}', "*"):
            answer = await server.client.request("GET", api.STATEMENT_PATH, [("If-None-Match", known)])
            assert (answer.status, answer.body, answer.field("etag")) == (304, b"", tag)
        answer = await server.client.request("GET", api.STATEMENT_PATH, [("If-None-Match", '"other"')])
        assert answer.status == 200

    serve(tmp_path, scene)


def test_the_statement_is_the_same_after_a_restart(tmp_path: Path) -> None:
    async def scene(server: ControlServer) -> None:
        bodies.append((await server.device().fetch_statement()).body)

    bodies: list[bytes] = []
    serve(tmp_path, scene)
    serve(tmp_path, scene)
    assert bodies[0] == bodies[1]


def test_no_page_but_one_document_describes_the_interface(tmp_path: Path) -> None:
    async def scene(server: ControlServer) -> None:
        answer = await server.client.request("GET", SCHEMA_PATH, [])
        assert answer.field("content-type") == "application/json"
        document = msgspec.json.decode(answer.body)
        assert document["openapi"] == "3.1.0"
        open_to_all = {api.STATEMENT_PATH, api.SETS_PATH, f"{api.SET_BLOBS_PATH}/{{sha256}}"}
        assert set(document["paths"]) == {*open_to_all, *(one.path for one in SIGNED)}
        for page in ("/schema", "/schema/", "/schema/redoc", "/schema/swagger", "/docs"):
            assert (await server.client.request("GET", page, [])).problem == "not-found"

    serve(tmp_path, scene)


def test_every_other_answer_brings_a_nonce_that_no_cache_keeps(tmp_path: Path) -> None:
    async def scene(server: ControlServer) -> None:
        device = await server.enrolled(NUMBER)
        answers = [
            await device.post(api.ME_PATH, api.Empty()),
            await device.post_raw(api.ME_PATH, b"{}", NO_NONCE),
            await server.client.request("GET", "/nothing", []),
            await server.client.request("GET", api.ME_PATH, []),
        ]
        nonces = [answer.field(api.REPLAY_NONCE) for answer in answers]
        assert len(set(nonces)) == 4
        assert None not in nonces
        assert {answer.field("cache-control") for answer in answers} == {"no-store"}
        assert all(answer.field("set-cookie") is None for answer in answers)

    serve(tmp_path, scene)


# Problems


Trouble = Callable[[ControlServer], Awaitable[Answer]]


async def _malformed(server: ControlServer) -> Answer:
    return await (await server.enrolled(NUMBER)).post(api.GRANT_PATH, {"grant_hash": "short"})


async def _bad_signature(server: ControlServer) -> Answer:
    device = server.device()
    return await device.post(api.ME_PATH, api.Empty())


async def _bad_nonce(server: ControlServer) -> Answer:
    return await (await server.enrolled(NUMBER)).post_raw(api.ME_PATH, b"{}", NO_NONCE)


async def _policy(server: ControlServer) -> Answer:
    device = server.device()
    await device.fetch_statement()
    record = msgspec.structs.replace(device.record(), policy=Policy("0", b"p" * 32))
    return await device.post(api.ENROL_PATH, lambda nonce: device.enrol_body(nonce, device.drawn(), record))


async def _epoch(server: ControlServer) -> Answer:
    device = await server.enrolled(NUMBER)
    return await device.post(api.EVALUATE_PATH, api.Evaluate(6, tokens.Blinded([b"x"]).elements))


async def _code(server: ControlServer) -> Answer:
    device = server.device()
    enrolment, code = await server.code_for(device)
    wrong = f"{(int(code) + 1) % 10**6:06}"
    return await device.post(api.CONFIRM_PATH, api.Confirm(enrolment, wrong))


async def _locked(server: ControlServer) -> Answer:
    await server.enrolled(NUMBER)
    return (await comes(server, server.device(NUMBER)))[2]


async def _pin(server: ControlServer) -> Answer:
    await server.enrolled(NUMBER)
    newcomer = server.device(NUMBER)
    enrolment, code, _ = await comes(server, newcomer)
    return await enter_pin(newcomer, enrolment, code, "4711")


async def _not_enrolled(server: ControlServer) -> Answer:
    device = await server.enrolled(NUMBER)
    await device.post(api.WITHDRAW_PATH, device.withdrawal())
    return await device.post(api.ME_PATH, api.Empty())


async def _limit(server: ControlServer) -> Answer:
    device = await server.enrolled(NUMBER)
    lines = [api.ClaimLine(b"\5" + device.drawn(32)) for _ in range(4)]
    return await device.post(api.CLAIM_PATH, api.Claim(device.drawn(), lines))


async def _too_large(server: ControlServer) -> Answer:
    device = await server.enrolled(NUMBER)
    return await device.post_raw(api.ME_PATH, b" " * (LIMITS.request_bytes + 1), await device.nonce())


async def _not_found(server: ControlServer) -> Answer:
    return await server.client.request("POST", "/v2/me", [])


async def _method(server: ControlServer) -> Answer:
    return await server.client.request("GET", api.WITHDRAW_PATH, [])


async def _media_type(server: ControlServer) -> Answer:
    device = await server.enrolled(NUMBER)
    fields = device.fields(api.ME_PATH, b"{}", await device.nonce()) | {"Content-Type": "text/plain"}
    return await device.send(api.ME_PATH, fields, b"{}")


async def _unavailable(server: ControlServer) -> Answer:
    device = await server.enrolled(NUMBER)
    server.relay.broken = True
    return await device.post(api.WITHDRAW_PATH, device.withdrawal())


async def _internal(server: ControlServer) -> Answer:
    device = await server.enrolled(NUMBER)
    del server.relay.waiting  # a programmer's mistake somewhere below
    return await device.post(api.ME_PATH, api.Empty())


PROBLEMS: dict[ProblemType, tuple[int, Trouble]] = {
    ProblemType.MALFORMED: (400, _malformed),
    ProblemType.BAD_SIGNATURE: (401, _bad_signature),
    ProblemType.BAD_NONCE: (400, _bad_nonce),
    ProblemType.POLICY: (409, _policy),
    ProblemType.EPOCH: (409, _epoch),
    ProblemType.CODE: (403, _code),
    ProblemType.LOCKED: (423, _locked),
    ProblemType.PIN: (403, _pin),
    ProblemType.NOT_ENROLLED: (401, _not_enrolled),
    ProblemType.LIMIT: (429, _limit),
    ProblemType.TOO_LARGE: (413, _too_large),
    ProblemType.NOT_FOUND: (404, _not_found),
    ProblemType.METHOD: (405, _method),
    ProblemType.MEDIA_TYPE: (415, _media_type),
    ProblemType.UNAVAILABLE: (503, _unavailable),
    ProblemType.INTERNAL: (500, _internal),
}


@pytest.mark.parametrize("problem", ProblemType)
def test_every_problem_is_answered_as_problem_details(problem: ProblemType, tmp_path: Path) -> None:
    status, trouble = PROBLEMS[problem]

    async def scene(server: ControlServer) -> None:
        answer = await trouble(server)
        assert (answer.problem, answer.status) == (problem, status), answer.body
        assert b"Traceback" not in answer.body
        assert NUMBER.encode() not in answer.body
        if problem is ProblemType.LIMIT:
            assert answer.field("retry-after") == str(DAY)
        if problem is ProblemType.METHOD:
            assert answer.field("allow") == "POST"
        if problem is ProblemType.UNAVAILABLE:
            assert answer.field("retry-after") is not None

    serve(tmp_path, scene, claims_per_day=3)


def test_a_body_in_many_pieces_is_cut_off_at_its_bound(tmp_path: Path) -> None:
    async def scene(server: ControlServer) -> None:
        device = await server.enrolled(NUMBER)
        pieces = [b" " * 65_536] * 100
        fields = device.fields(api.ME_PATH, b"{}", await device.nonce())
        answer = await server.client.request("POST", api.ME_PATH, list(fields.items()), pieces)
        assert answer.problem == "too-large"

    serve(tmp_path, scene)


def test_a_full_disk_is_said_and_service_returns_by_itself(tmp_path: Path) -> None:
    async def scene(server: ControlServer) -> None:
        device = await server.enrolled(NUMBER)
        engine = server.control._store._database._engine  # type: ignore[attr-defined]  # the SQL one, seen from inside
        async with engine.connect() as connection:
            pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
        cap = pages + 1
        await _on_every_connection(engine, f"PRAGMA max_page_count = {cap}")
        keys = [device.all_keys(50) for _ in range(2)]
        answers = [await device.post(api.KEYS_PATH, one) for one in keys]
        assert answers[-1].problem == "unavailable"
        await _on_every_connection(engine, "PRAGMA max_page_count = 1000000")
        answer = await device.post(api.KEYS_PATH, keys[-1])
        assert answer.status == 200

    serve(tmp_path, scene)


async def _on_every_connection(engine: object, pragma: str) -> None:
    """The pool holds one connection while requests come one after the other."""
    async with engine.connect() as connection:  # type: ignore[attr-defined]  # an AsyncEngine
        await connection.exec_driver_sql(pragma)


def test_an_answer_repeats_nothing_that_was_sent(tmp_path: Path) -> None:
    async def scene(server: ControlServer) -> None:
        device = await server.enrolled(NUMBER)
        planted = "planted-7f3a"
        answers = [
            await device.post(api.GRANT_PATH, {"grant_hash": planted}),
            await device.post(api.GRANT_PATH, {planted: planted}),
            await device.post_raw(api.GRANT_PATH, planted.encode(), await device.nonce()),
            await server.client.request("POST", f"/{planted}", []),
            await server.client.request("POST", api.ME_PATH, [("Content-Type", planted)]),
            await server.client.request(planted.upper(), api.ME_PATH, []),
        ]
        for answer in answers:
            assert answer.problem is not None
            assert planted.encode() not in answer.body.lower()
            assert all(planted not in value.lower() for _, value in answer.fields)

    serve(tmp_path, scene)


@pytest.mark.parametrize("operation", SIGNED, ids=lambda one: one.name)
def test_every_path_but_the_statement_wants_a_signature(operation: object, tmp_path: Path) -> None:
    path: str = operation.path  # type: ignore[attr-defined]  # an Operation

    async def scene(server: ControlServer) -> None:
        enrolled, stranger = await server.enrolled(NUMBER), server.device()
        body = b"{}"
        bare = [("Host", AUTHORITY), ("Content-Type", "application/json")]
        assert (await server.client.request("POST", path, bare, body)).problem == "bad-nonce"
        request = Request(method="POST", authority=AUTHORITY, path=path, body=body)
        forged = sign_request(
            request,
            key=stranger.key,
            device=enrolled.device,
            server=enrolled.pinned,
            nonce=await enrolled.nonce(),
        )
        answer = await server.client.request("POST", path, [*bare, *forged.items()], body)
        # Enrolment and confirmation are signed by what their bodies name, so an empty one ends earlier.
        assert answer.problem in {"bad-signature", "malformed"}

    serve(tmp_path, scene)
