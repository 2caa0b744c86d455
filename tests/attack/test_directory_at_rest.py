"""A stolen directory: what the disk shows of people who enrolled, wrote to each other, and left."""

import base64
from pathlib import Path

from sayso.protocol import api
from tests.aio import run
from tests.fakes.control_server import control_server

ALICE, BOB = "+447700900001", "+447700900002"


def on_disk(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())


def forms(secret: bytes) -> list[bytes]:
    return [secret, secret.hex().encode(), base64.b64encode(secret).rstrip(b"="), secret[::-1]]


def test_no_number_salt_code_or_correspondent_lies_in_the_files(tmp_path: Path) -> None:
    """Looked for in database and write-ahead log, while the server runs and after it stopped."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            bob = await server.reachable(BOB)
            bobs_code = server.sender.code()
            alice = server.device(ALICE)
            enrolment, code = await server.code_for(alice)
            waiting = on_disk(tmp_path)
            assert bytes(bob.device) in waiting, "this test can see what is there"
            for secret in (ALICE.encode(), alice.salt, enrolment + code.encode()):
                assert all(form not in waiting for form in forms(secret))
            await alice.post(api.CONFIRM_PATH, api.Confirm(enrolment, code))
            claim = api.Claim(alice.drawn(), [api.ClaimLine(server.token(bob))])
            await alice.post(api.CLAIM_PATH, claim)
            secrets = [ALICE[1:], BOB[1:], ALICE[3:], BOB[3:]]
            seen.extend(secret.encode() for secret in secrets)
            seen.extend([alice.salt, bob.salt, claim.request_id])
            assert bytes(alice.device) in on_disk(tmp_path)
            assert all(form not in on_disk(tmp_path) for secret in seen for form in forms(secret))
            # A code is six digits: look for it as text that stands alone, since any six bytes may happen to occur.
            for text in (f"code: {code}", f"code: {bobs_code}", f'"{code}"', f'"{bobs_code}"'):
                assert text.encode() not in on_disk(tmp_path)

    seen: list[bytes] = []
    run(main())
    assert all(form not in on_disk(tmp_path) for secret in seen for form in forms(secret))


def test_nothing_of_who_left_is_found_after_ten_minutes(tmp_path: Path) -> None:
    """Deleted rows are overwritten, and each sweep empties the write-ahead log."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            await server.reachable(BOB)
            alice = await server.reachable(ALICE)
            token = server.token(alice)
            traces.extend([alice.device, alice.public, alice.curve25519, token, alice.record_id])
            assert all(trace in on_disk(tmp_path) for trace in traces)
            await alice.post(api.WITHDRAW_PATH, alice.withdrawal())
            server.clock.seconds += 600
            await server.control.sweep()
            assert all(trace not in on_disk(tmp_path) for trace in traces), "while the server runs, too"

    traces: list[bytes] = []
    run(main())
    assert all(trace not in on_disk(tmp_path) for trace in traces)


def test_the_answer_to_a_claim_does_not_tell_who_asked(tmp_path: Path) -> None:
    """Stored for ten minutes: sealed under the request id, and filed under its hash."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            bob, alice = await server.reachable(BOB, one_time=1), await server.enrolled(ALICE)
            before = on_disk(tmp_path)
            claim = api.Claim(alice.drawn(), [api.ClaimLine(server.token(bob))])
            answer = await alice.post(api.CLAIM_PATH, claim)
            assert answer.status == 200
            assert answer.body not in on_disk(tmp_path)
            assert claim.request_id not in on_disk(tmp_path)
            assert len(on_disk(tmp_path)) > len(before)

    run(main())
