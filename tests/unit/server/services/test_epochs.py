"""Moving to another epoch: the number is seen once more, and no code is sent."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from sayso.protocol import api
from sayso.protocol.api import ProblemType
from sayso.protocol.certificate import check_number, read_certificate
from sayso.protocol.limits import DAY, LIMITS
from sayso.protocol.numbers import PhoneNumber
from sayso.protocol.statement import Statement
from sayso.server.core.enrolment import PENDING_PER_LINE
from sayso.server.core.lines import Line
from sayso.server.core.retiring import KeyKind
from sayso.server.services.rotation import rotated
from tests.aio import run
from tests.fakes.asgi import Answer
from tests.fakes.control_server import ControlServer, control_server
from tests.fakes.control_world import FakeRelay, SeededRandom, ServerClock
from tests.fakes.enrolling_device import EnrollingDevice
from tests.fakes.locking import set_pin
from tests.fakes.secrets_file import MemorySecrets

ALICE, BOB = "+447700900001", "+447700900002"


@dataclass
class Town:
    """A server whose key was replaced, and what was there before."""

    server: ControlServer
    devices: list[EnrollingDevice]
    before: Statement

    @property
    def alice(self) -> EnrollingDevice:
        """The first one."""
        return self.devices[0]

    def line(self, device: EnrollingDevice) -> Line:
        """As the relay knows it."""
        return self.server.relay.lines[device.device]

    async def enrols_with(self, statement: Statement, device: EnrollingDevice) -> Answer:
        """Enrol by a statement that may be an older one; returns the last answer."""
        await device.fetch_statement()
        device.statement = statement
        enrolment = device.drawn()
        asked = await device.post(api.ENROL_PATH, lambda nonce: device.enrol_body(nonce, enrolment))
        if asked.status != 202:
            return asked
        await self.server.control.background.settle()
        return await device.post(api.CONFIRM_PATH, api.Confirm(enrolment, self.server.sender.code()))


@asynccontextmanager
async def rotated_server(
    folder: Path, *, kind: KeyKind = KeyKind.VOPRF, numbers: tuple[str, ...] = (ALICE,)
) -> AsyncIterator[Town]:
    """Run a server whose key was replaced after some lines had enrolled."""
    clock, keys, relay = ServerClock(), MemorySecrets(), FakeRelay()
    async with control_server(folder, clock=clock, keys=keys, relay=relay) as server:
        devices = [await server.reachable(number) for number in numbers]
        witness = server.device()
        await witness.fetch_statement()
    keys.held = rotated(keys.held, kind, SeededRandom(5))
    async with control_server(folder, clock=clock, keys=keys, relay=relay, seed=2) as server:
        for device in devices:
            device.client = server.client
            device.nonces.clear()
            await device.fetch_statement()
        server.skip_seeds(100)
        yield Town(server, devices, witness.statement)


async def move(device: EnrollingDevice) -> api.Moved:
    """Move, as a phone does."""
    device.nonces.clear()
    return msgspec.json.decode((await device.post(api.EPOCH_PATH, device.move_body)).body, type=api.Moved)


def test_a_line_moves_without_a_code_and_is_reached_under_both_tokens(tmp_path: Path) -> None:
    async def main() -> None:
        async with rotated_server(tmp_path) as town:
            before = town.line(town.alice)
            codes = len(town.server.sender.sent)
            moved = await move(town.alice)
            line = town.line(town.alice)
            assert line.token[0] == 6
            assert line.previous_token == before.token
            certificate = read_certificate(
                moved.certificate, certificate_key=town.alice.statement.certificate_key, server=town.alice.pinned
            )
            assert certificate.token == line.token
            check_number(certificate, salt=town.alice.salt, number=PhoneNumber(ALICE))
            assert len(town.server.sender.sent) == codes
            for token in line.tokens:
                answer = await town.alice.post(api.CLAIM_PATH, api.Claim(town.alice.drawn(), [api.ClaimLine(token)]))
                assert [
                    one.keys.device for one in msgspec.json.decode(answer.body, type=api.Claimed).lines[0].devices
                ] == [town.alice.device]

    run(main())


def test_asked_again_the_answer_is_the_same(tmp_path: Path) -> None:
    async def main() -> None:
        async with rotated_server(tmp_path) as town:
            first, line = await move(town.alice), town.line(town.alice)
            assert await move(town.alice) == first
            assert town.line(town.alice) == line

    run(main())


def test_what_its_owner_set_stays_set(tmp_path: Path) -> None:
    async def main() -> None:
        async with rotated_server(tmp_path) as town:
            assert (await set_pin(town.alice, "314159")).status == 200
            town.alice.nonces.clear()
            assert (await town.alice.post(api.GRANT_PATH, api.SetGrant(b"g" * 32))).status == 200
            await move(town.alice)
            held = msgspec.json.decode((await town.alice.post(api.ME_PATH, api.Empty())).body, type=api.Holdings)
            assert held.pin_set
            assert held.grant_sha256 == b"g" * 32
            assert (held.token[0], held.previous_token[0]) == (6, 5)
            assert (held.one_time_keys, held.fallback_key) == (5, True)
            assert town.server.relay.ended == []

    run(main())


@pytest.mark.parametrize("wrong", [{"number": BOB}, {"salt": b"s" * 32}, {"number": "no number"}])
def test_no_other_number_is_taken_along(wrong: dict[str, str], tmp_path: Path) -> None:
    async def main() -> None:
        async with rotated_server(tmp_path) as town:
            before = town.line(town.alice)
            answer = await town.alice.post(api.EPOCH_PATH, lambda nonce: town.alice.move_body(nonce, **wrong))  # type: ignore[arg-type]  # of the parameters above
            assert answer.problem == ProblemType.MALFORMED
            assert town.line(town.alice) == before

    run(main())


def test_a_seal_of_another_request_does_not_open(tmp_path: Path) -> None:
    async def main() -> None:
        async with rotated_server(tmp_path) as town:
            answer = await town.alice.post(api.EPOCH_PATH, town.alice.move_body("another nonce"))
            assert answer.problem == ProblemType.MALFORMED

    run(main())


def test_an_epoch_that_is_not_the_current_one_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        async with rotated_server(tmp_path) as town:
            body = town.alice.move_body(await town.alice.nonce())
            for epoch in (5, 7):
                stale = api.MoveEpoch(epoch, body.registrar_key_id, body.sealed_number)
                assert (await town.alice.post(api.EPOCH_PATH, stale)).problem == ProblemType.EPOCH

    run(main())


def test_at_the_end_of_the_epoch_who_moved_stays_and_who_did_not_is_erased(tmp_path: Path) -> None:
    async def main() -> None:
        async with rotated_server(tmp_path, numbers=(ALICE, BOB)) as town:
            server, (alice, bob) = town.server, town.devices
            await move(alice)
            # Both stay awake meanwhile: what counts is having moved.
            ends = server.clock.running() + 20 * DAY
            await server.control.renew_leases({alice.device: ends, bob.device: ends})
            server.clock.seconds += LIMITS.key_overlap_s
            await server.control.sweep()
            assert [device for device, _ in server.relay.ended] == [bob.device]
            assert town.line(alice).previous_token is None
            for device, problem in ((alice, None), (bob, "bad-signature")):
                device.nonces.clear()
                assert (await device.post(api.ME_PATH, api.Empty())).problem == problem

    run(main())


def test_who_enrols_during_the_overlap_is_in_the_current_epoch_only(tmp_path: Path) -> None:
    async def main() -> None:
        async with rotated_server(tmp_path, numbers=()) as town:
            device = await town.server.enrolled(BOB)
            assert [token[0] for token in town.line(device).tokens] == [6]

    run(main())


def test_a_phone_that_has_not_seen_the_new_epoch_enrols_in_the_old_one_and_moves(tmp_path: Path) -> None:
    async def main() -> None:
        async with rotated_server(tmp_path) as town:
            late = town.server.device(BOB)
            assert (await town.enrols_with(town.before, late)).status == 200
            assert [token[0] for token in town.line(late).tokens] == [5]
            await late.fetch_statement()
            await move(late)
            assert [token[0] for token in town.line(late).tokens] == [6, 5]
            assert town.alice.device in town.server.relay.lines

    run(main())


@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize("stale", [False, True])
def test_the_registration_lock_holds_across_the_epochs(moved: bool, stale: bool, tmp_path: Path) -> None:  # noqa: FBT001  parameters
    """A newcomer by either epoch meets the holder, who may be in one or in both."""

    async def main() -> None:
        async with rotated_server(tmp_path) as town:
            if moved:
                await move(town.alice)
            thief = town.server.device(ALICE)
            statement = town.before if stale else town.alice.statement
            assert (await town.enrols_with(statement, thief)).problem == ProblemType.LOCKED
            assert set(town.server.relay.lines) == {town.alice.device}

    run(main())


def test_two_epochs_send_a_number_no_more_codes_than_one(tmp_path: Path) -> None:
    async def main() -> None:
        async with rotated_server(tmp_path, numbers=()) as town:
            device = town.server.device(BOB)
            await device.fetch_statement()
            now = device.statement
            for statement in (now, town.before) * 3:
                await town.enrols_with(statement, device)
                device.nonces.clear()
            assert len(town.server.sender.sent) == PENDING_PER_LINE

    run(main())


def test_a_number_sealed_to_the_old_registrar_key_opens_during_the_overlap_and_not_after(tmp_path: Path) -> None:
    async def main() -> None:
        async with rotated_server(tmp_path, kind=KeyKind.REGISTRAR, numbers=()) as town:
            assert town.before.registrar_key_id == 3
            device = town.server.device(BOB)
            assert (await town.enrols_with(town.before, device)).status == 200
            town.server.clock.seconds += LIMITS.key_overlap_s
            await town.server.control.sweep()
            late = town.server.device(ALICE)
            assert (await town.enrols_with(town.before, late)).problem == ProblemType.EPOCH
            await late.fetch_statement()
            assert (await town.enrols_with(late.statement, late)).status == 200

    run(main())
