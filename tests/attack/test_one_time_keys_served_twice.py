"""One-time keys served twice: two people with the same key can be made to read each other, so it must not happen."""

import asyncio
from pathlib import Path

import msgspec

from sayso.protocol import api
from sayso.protocol.limits import DAY
from tests.aio import run
from tests.fakes.asgi import Answer
from tests.fakes.control_server import ControlServer, control_server
from tests.fakes.control_world import FakeRelay, ServerClock
from tests.fakes.enrolling_device import EnrollingDevice

BOB = "+447700900002"


async def ask(server: ControlServer, claimer: EnrollingDevice, bob: EnrollingDevice) -> Answer:
    return await claimer.post(api.CLAIM_PATH, api.Claim(claimer.drawn(), [api.ClaimLine(server.token(bob))]))


async def claimed(server: ControlServer, claimer: EnrollingDevice, bob: EnrollingDevice) -> api.DeviceBundle:
    answer = await ask(server, claimer, bob)
    return msgspec.json.decode(answer.body, type=api.Claimed).lines[0].devices[0]


def test_fifty_claims_at_once(tmp_path: Path) -> None:
    """Ten devices claim five times each, all at once: forty keys, forty claims that get one, ten the fallback."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            bob = await server.reachable(BOB, one_time=40)
            claimers = [await server.enrolled(f"+4477009001{place:02}") for place in range(10)]
            for claimer in claimers:
                claimer.nonces = [
                    (await server.client.request("GET", "/", [])).field(api.REPLAY_NONCE) or "" for _ in range(5)
                ]
            bundles = await asyncio.gather(*(claimed(server, claimer, bob) for claimer in claimers for _ in range(5)))
            keys = [bundle.ratchet.key for bundle in bundles if not bundle.fallback]
            assert len(keys) == len(set(keys)) == 40
            assert sum(bundle.fallback for bundle in bundles) == 10

    run(main())


def test_keys_that_are_published_again_after_they_were_claimed(tmp_path: Path) -> None:
    """Bob's phone did not hear that its keys arrived and sends them again; meanwhile they were handed out."""

    async def main() -> None:
        clock, relay = ServerClock(), FakeRelay()
        async with control_server(tmp_path, clock=clock, relay=relay) as server:
            bob, alice = await server.enrolled(BOB), await server.enrolled("+447700900001")
            published = bob.all_keys(3)
            await bob.post(api.KEYS_PATH, published)
            first = await claimed(server, alice, bob)
            await bob.post(api.KEYS_PATH, published)
        async with control_server(tmp_path, clock=clock, relay=relay, seed=2) as server:
            for device in (alice, bob):
                device.client = server.client
                device.nonces.clear()
            await bob.post(api.KEYS_PATH, published)
            rest = [await claimed(server, alice, bob) for _ in range(3)]
            assert [one.fallback for one in rest] == [False, False, True]
            assert first.ratchet.key not in {one.ratchet.key for one in rest}

    run(main())


def test_who_uses_up_somebodys_keys_has_a_budget_that_no_restart_fills(tmp_path: Path) -> None:
    """Alice claims Bob's keys until she may not: the rest is there for others, and a day later she may again."""

    async def main() -> None:
        clock, relay = ServerClock(), FakeRelay()
        async with control_server(tmp_path, clock=clock, relay=relay, claims_per_day=3) as server:
            bob, alice = await server.reachable(BOB, one_time=5), await server.enrolled("+447700900001")
            got = [await claimed(server, alice, bob) for _ in range(3)]
            assert (await ask(server, alice, bob)).problem == "limit"
        async with control_server(tmp_path, clock=clock, relay=relay, claims_per_day=3, seed=2) as server:
            server.skip_seeds(2)
            alice.client = server.client
            alice.nonces.clear()
            assert (await ask(server, alice, bob)).problem == "limit"
            carol = await server.enrolled("+447700900003")
            got += [await claimed(server, carol, bob) for _ in range(3)]
            assert [one.fallback for one in got] == [False] * 5 + [True]
            clock.seconds += DAY
            alice.nonces.clear()
            assert (await claimed(server, alice, bob)).fallback

    run(main())
