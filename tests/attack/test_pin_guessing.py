"""PIN guessing: a thief with the SIM, and perhaps with a copy of the server's database, tries PINs."""

import asyncio
import sqlite3
from pathlib import Path

import msgspec
import pytest
from voprf.ristretto import Evaluator

from sayso.protocol import api
from sayso.protocol.limits import LIMITS
from sayso.protocol.passphrase import CHEAPEST
from sayso.protocol.pin import pin_input, prove, verifier_of
from sayso.protocol.tokens import Blinded
from sayso.server.core.pin import pin_key
from tests.aio import run
from tests.fakes.control_server import ControlServer, control_server
from tests.fakes.control_world import FakeRelay, ServerClock, secrets
from tests.fakes.enrolling_device import NO_NONCE, EnrollingDevice
from tests.fakes.locking import comes, delay, enter_pin, lock_in, proof_from, set_pin

VICTIM = "+447700900001"
PIN = "4711"


def guesses() -> list[str]:
    return [f"{number:04}" for number in range(40) if f"{number:04}" != PIN]


async def owner_and_thief(server: ControlServer) -> tuple[EnrollingDevice, EnrollingDevice, bytes, str]:
    owner, thief = await server.reachable(VICTIM), server.device(VICTIM)
    assert (await set_pin(owner, PIN)).status == 200
    enrolment, code, _ = await comes(server, thief)
    return owner, thief, enrolment, code


def on_disk(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.iterdir()) if file.is_file())


def nothing_was_won(server: ControlServer, owner: EnrollingDevice) -> bool:
    return set(server.relay.lines) == {owner.device}


def test_guesses_one_after_the_other(tmp_path: Path) -> None:
    """Ten guesses, over however many codes and devices; then the right PIN is refused like a wrong one."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            owner, thief, enrolment, code = await owner_and_thief(server)
            for left, guess in zip(range(LIMITS.pin_tries - 1, -1, -1), guesses(), strict=False):
                answer = await enter_pin(thief, enrolment, code, guess)
                assert (answer.problem, lock_in(answer).pin_tries) == ("pin", left)
            last = await enter_pin(thief, enrolment, code, PIN)
            assert last.problem == "pin"
            another = server.device(VICTIM)
            server.clock.seconds += LIMITS.code_s
            enrolment, code, answer = await comes(server, another)
            assert lock_in(answer).pin_tries == 0
            assert (await enter_pin(another, enrolment, code, PIN)).problem == "pin"
            assert nothing_was_won(server, owner)

    run(main())


def test_guesses_in_parallel(tmp_path: Path) -> None:
    """Forty guesses at once: ten are evaluated, not one more."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            owner, thief, enrolment, code = await owner_and_thief(server)
            elements = [Blinded([pin_input(guess)]).elements[0] for guess in [*guesses(), PIN]]
            outcomes: list[str | None] = []
            for _ in range(4):
                for _ in elements:
                    fresh = await server.device().post_raw(api.ME_PATH, b"{}", NO_NONCE)
                    thief.nonces.append(fresh.field(api.REPLAY_NONCE) or "")
                answers = await asyncio.gather(
                    *(thief.post(api.TRY_PIN_PATH, api.TryPin(enrolment, code, element)) for element in elements)
                )
                outcomes += [answer.problem for answer in answers]
            assert outcomes.count(None) == LIMITS.pin_tries
            assert set(outcomes) <= {None, "pin", "code"}, "so many at once use up the code's tries, too"
            assert nothing_was_won(server, owner)

    run(main())


def test_one_evaluation_allows_one_comparison(tmp_path: Path) -> None:
    """The thief pays for one try, and sends six proofs, the right one last: only the first is compared."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            owner, thief, enrolment, code = await owner_and_thief(server)
            blinded = Blinded([pin_input(PIN)])
            answer = await thief.post(api.TRY_PIN_PATH, api.TryPin(enrolment, code, blinded.elements[0]))
            right = proof_from(answer, blinded)
            proofs = [bytes([n]) * 32 for n in range(5)] + [right]
            problems = [
                (await thief.post(api.CONFIRM_PATH, api.Confirm(enrolment, code, proof))).problem for proof in proofs
            ]
            assert problems == ["pin"] * len(proofs)
            assert nothing_was_won(server, owner)

    run(main())


def test_guesses_across_restarts(tmp_path: Path) -> None:
    """The thief makes the server crash after each guess: tries that were taken stay taken."""

    async def main() -> None:
        clock, relay = ServerClock(), FakeRelay()
        async with control_server(tmp_path, clock=clock, relay=relay) as server:
            owner, thief, enrolment, code = await owner_and_thief(server)
        for seed, guess in enumerate(guesses()[: LIMITS.pin_tries], start=2):
            async with control_server(tmp_path, clock=clock, relay=relay, seed=seed) as server:
                thief.client = server.client
                thief.nonces.clear()
                assert (await enter_pin(thief, enrolment, code, guess)).problem == "pin"
        async with control_server(tmp_path, clock=clock, relay=relay, seed=99) as server:
            thief.client = server.client
            thief.nonces.clear()
            assert (await enter_pin(thief, enrolment, code, PIN)).problem == "pin"
            assert nothing_was_won(server, owner)

    run(main())


@pytest.mark.parametrize("table", ["pins", "newcomers"])
def test_with_the_store_gone_no_pin_opens_and_no_try_is_free(table: str, tmp_path: Path) -> None:
    """The thief breaks the store, so that tries cannot be counted: nothing is evaluated, and nobody comes in."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            owner, thief, enrolment, code = await owner_and_thief(server)
            blinded = Blinded([pin_input(PIN)])
            answer = await thief.post(api.TRY_PIN_PATH, api.TryPin(enrolment, code, blinded.elements[0]))
            proof = proof_from(answer, blinded)
            with sqlite3.connect(tmp_path / "directory.db") as database:
                database.execute(f"DROP TABLE {table}")
            database.close()
            for path, body in (
                (api.TRY_PIN_PATH, api.TryPin(enrolment, code, blinded.elements[0])),
                (api.CONFIRM_PATH, api.Confirm(enrolment, code, proof)),
                (api.CONFIRM_PATH, api.Confirm(enrolment, code)),
            ):
                assert (await thief.post(path, body)).problem == "unavailable"
            assert nothing_was_won(server, owner)

    run(main())


def test_a_thief_does_not_use_up_the_owners_own_tries(tmp_path: Path) -> None:
    """Ten wrong guesses by the thief, and the owner can still delay them with the PIN."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            owner, thief, enrolment, code = await owner_and_thief(server)
            for guess in guesses()[: LIMITS.pin_tries]:
                await enter_pin(thief, enrolment, code, guess)
            assert (await delay(owner, PIN)).status == 200
            wrong = [(await delay(owner, guess)).problem for guess in guesses()[: LIMITS.pin_tries]]
            assert wrong == ["pin"] * LIMITS.pin_tries
            assert (await delay(owner, PIN)).problem == "pin", "nor has a thief of the phone more than ten"

    run(main())


def test_a_stolen_database_gives_nothing_to_try_guesses_against(tmp_path: Path) -> None:
    """All of its bytes, and each of the 10,000 PINs: without the keyring's key no guess can be checked.

    The thief also enrols a number of their own, and has its desk evaluate PINs for them: that key is another salt's.
    """

    async def main() -> None:
        async with control_server(tmp_path) as server:
            owner = await server.reachable(VICTIM)
            assert (await set_pin(owner, PIN)).status == 200
            accomplice = await server.enrolled("+447700900009")
            with sqlite3.connect(tmp_path / "directory.db") as database:
                ((salt, verifier),) = database.execute("SELECT salt, verifier FROM pins").fetchall()
            database.close()
            content = on_disk(tmp_path)
            assert verifier in content, "this test can see what is there"
            assert PIN.encode() + b"\0" not in content
            blinded = Blinded([pin_input(PIN)])
            answer = await accomplice.post(api.EVALUATE_PIN_PATH, api.EvaluatePin(blinded.elements[0], fresh=True))
            evaluated = msgspec.json.decode(answer.body, type=api.PinEvaluated)
            (elsewhere,) = blinded.finish(evaluated.evaluated, public_key=evaluated.key)
            assert evaluated.salt != salt
            candidates = [elsewhere, pin_input(PIN), Evaluator(salt * 2).evaluate_known_input(pin_input(PIN))]
            assert all(verifier_of(prove(one, salt, CHEAPEST)) != verifier for one in candidates)
            # With the keyring in hand it is found: what keeps it is that key, and Argon2id's cost after that.
            key = pin_key(secrets().pins, salt)
            output = Evaluator(key).evaluate_known_input(pin_input(PIN))
            assert verifier_of(prove(output, salt, CHEAPEST)) == verifier

    run(main())


def test_each_pin_that_is_set_has_a_key_of_its_own(tmp_path: Path) -> None:
    """Who asks for evaluations without end, as if to set a PIN, gets each one under another key."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            owner = await server.enrolled(VICTIM)
            element = Blinded([pin_input(PIN)]).elements[0]
            got = []
            for _ in range(5):
                answer = await owner.post(api.EVALUATE_PIN_PATH, api.EvaluatePin(element, fresh=True))
                got.append(msgspec.json.decode(answer.body, type=api.PinEvaluated))
            assert len({one.key for one in got}) == len({one.evaluated[64:] for one in got}) == 5

    run(main())


@pytest.mark.parametrize("element", [bytes(32), b"\xff" * 32], ids=["identity", "not-canonical"])
def test_what_is_no_element_costs_no_try(element: bytes, tmp_path: Path) -> None:
    """And says nothing about the PIN."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            _, thief, enrolment, code = await owner_and_thief(server)
            answer = await thief.post(api.TRY_PIN_PATH, api.TryPin(enrolment, code, element))
            assert answer.problem == "malformed"
            server.clock.seconds += LIMITS.code_s
            assert lock_in((await comes(server, thief))[2]).pin_tries == LIMITS.pin_tries

    run(main())
