"""Going through a country's numbers: what k accounts can find out, and that it shows no more than it has to.

Docs: docs/explanation/discovery.md has the price. Enumeration cannot be prevented, only priced.
"""

from pathlib import Path

import msgspec

from sayso.protocol import api, enrolled_set, tokens
from sayso.protocol.ids import Token
from sayso.protocol.limits import DAY, LIMITS
from sayso.protocol.numbers import PhoneNumber
from sayso.protocol.set_manifest import Manifest, read_manifest
from sayso.server.core.discovery_budget import Allowance
from tests.aio import run
from tests.fakes.control_server import ControlServer, control_server
from tests.fakes.enrolling_device import EnrollingDevice

SMALL = Allowance(bucket=20, per_day=10)
COUNTRY = [f"+1202555{number:04}" for number in range(100, 200)]
FINDABLE, HIDDEN, LAPSED = COUNTRY[7], COUNTRY[8], COUNTRY[9]
ATTACKERS = ("+447700900001", "+447700900002", "+447700900003")


async def tokens_of(device: EnrollingDevice, numbers: list[str]) -> list[Token] | None:
    """What an attacker gets for numbers; None when the budget says no."""
    blinded = tokens.Blinded([tokens.voprf_input(PhoneNumber(number)) for number in numbers])
    answer = await device.post(api.EVALUATE_PATH, api.Evaluate(5, blinded.elements))
    if answer.problem == "limit":
        return None
    outputs = blinded.finish(
        msgspec.json.decode(answer.body, type=api.Evaluated).evaluated,
        public_key=device.statement.epochs[0].voprf_key,
    )
    return [tokens.token_from_output(5, output) for output in outputs]


async def crawl(device: EnrollingDevice, numbers: list[str]) -> dict[str, Token]:
    """Ask in ever smaller batches until not one number more is answered."""
    got: dict[str, Token] = {}
    size = 10
    while size and len(got) < len(numbers):
        part = numbers[len(got) : len(got) + size]
        found = await tokens_of(device, part)
        if found is None:
            size //= 2
        else:
            got |= dict(zip(part, found, strict=True))
    return got


async def manifest_of(server: ControlServer, device: EnrollingDevice) -> Manifest:
    answer = await server.client.request("GET", api.SETS_PATH, [])
    return read_manifest(answer.body, server_key=device.statement.server_key, pinned=device.pinned)


async def enrolled(server: ControlServer, device: EnrollingDevice, token: Token) -> bool:
    """Look a token up in the public set, as anyone can."""
    (index,) = (await manifest_of(server, device)).sets
    place = index.shape.place(token)
    number = place >> index.shape.local_bits
    blob = await server.client.request("GET", f"{api.SET_BLOBS_PATH}/{index.shards[number].hex()}", [])
    shard = enrolled_set.decode_shard(blob.body, epoch=5, shape=index.shape, index=number)
    return enrolled_set.holds(shard, place, index.shape)


def test_k_accounts_learn_k_budgets_of_numbers_and_no_more(tmp_path: Path) -> None:
    async def main() -> None:
        async with control_server(tmp_path, discovery=SMALL) as server:
            learnt: dict[str, Token] = {}
            for account in ATTACKERS:
                device = await server.enrolled(account)
                left = [number for number in COUNTRY if number not in learnt]
                learnt |= await crawl(device, left)
            assert len(learnt) == len(ATTACKERS) * SMALL.bucket

            server.clock.seconds += DAY
            device.nonces.clear()
            left = [number for number in COUNTRY if number not in learnt]
            assert len(await crawl(device, left)) == SMALL.per_day

    run(main())


def test_the_set_shows_who_chose_everyone_and_neither_hidden_nor_departed_lines(tmp_path: Path) -> None:
    async def main() -> None:
        async with control_server(tmp_path, discovery=SMALL) as server:
            attacker = await server.enrolled(ATTACKERS[0])
            await server.reachable(FINDABLE)
            await server.reachable(HIDDEN, findable="nobody")
            leaver = await server.reachable(COUNTRY[10])
            await leaver.post(api.WITHDRAW_PATH, leaver.withdrawal())
            await server.control.sweep()
            numbers = [FINDABLE, HIDDEN, COUNTRY[10], COUNTRY[11]]
            got = await tokens_of(attacker, numbers)
            assert got is not None
            assert [await enrolled(server, attacker, token) for token in got] == [True, False, False, False]

    run(main())


def test_a_hidden_line_and_a_number_that_never_enrolled_get_the_same_answers(tmp_path: Path) -> None:
    """Evaluation does not know whose element it is; the claim's answer has the same bytes, but for the token itself."""

    async def main() -> None:
        async with control_server(tmp_path, discovery=SMALL) as server:
            attacker = await server.enrolled(ATTACKERS[0])
            await server.reachable(HIDDEN, findable="nobody")
            lapsed = await server.reachable(LAPSED)
            server.clock.seconds += LIMITS.lease_s
            attacker.nonces.clear()
            got = await tokens_of(attacker, [HIDDEN, LAPSED, COUNTRY[11]])
            assert got is not None
            assert got[1] == server.token(lapsed)
            answers = []
            for token in got:
                claim = api.Claim(attacker.drawn(), [api.ClaimLine(token)])
                answer = await attacker.post(api.CLAIM_PATH, claim)
                claimed = msgspec.json.decode(answer.body, type=api.Claimed)
                answers.append((answer.status, len(answer.body), claimed.lines[0].devices))
            assert answers == [answers[0]] * 3
            assert answers[0][2] == []

    run(main())


def test_places_in_the_set_are_no_tokens(tmp_path: Path) -> None:
    """Who has the set alone has nothing to claim keys with, and nothing to search a stolen directory for."""

    async def main() -> None:
        async with control_server(tmp_path, discovery=SMALL) as server:
            attacker = await server.enrolled(ATTACKERS[0])
            line = await server.reachable(FINDABLE)
            token = server.token(line)
            await server.control.sweep()
            (index,) = (await manifest_of(server, attacker)).sets
            blob = await server.client.request("GET", f"{api.SET_BLOBS_PATH}/{index.shards[0].hex()}", [])
            for length in range(4, 33):
                assert token[1 : 1 + length] not in blob.body
            claim = api.Claim(attacker.drawn(), [api.ClaimLine(index.shards[0] + b"\0")])
            answer = await attacker.post(api.CLAIM_PATH, claim)
            assert msgspec.json.decode(answer.body, type=api.Claimed).lines[0].devices == []

    run(main())
