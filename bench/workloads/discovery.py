"""Discovery: new contacts to tokens over HTTP; and the enrolled set of a million lines, made and read."""

import random
import time
from typing import Final
from urllib.parse import urlsplit

import httpcore
import msgspec

from bench.accounts import Account, account
from bench.bench import Bench, Site
from bench.procfs import Figures
from sayso.protocol import enrolled_set, tokens
from sayso.protocol.api import EVALUATE_PATH, REPLAY_NONCE, STATEMENT_PATH, Evaluate, Evaluated
from sayso.protocol.enrolled_set import Change
from sayso.protocol.ids import Token
from sayso.protocol.requests import Request, sign_request
from sayso.protocol.statement import Epoch, read_statement

_ACCOUNTS: Final = 8
_EPOCH: Final = 1
_FIRST_NONCE: Final = "no-nonce-yet-ask-for-one"


async def discovery(bench: Bench, size: int) -> Figures:  # noqa: ARG001  no envelope is sent
    """One line asks for 1,000 new numbers, from blinding to tokens; then some more do, for the server's figure."""
    count = bench.settings.elements
    async with bench.site() as site, httpcore.AsyncConnectionPool(max_connections=1) as pool:
        epoch = await _epoch(site, pool)
        # The evaluation's worker process starts with the first batch at the latest.
        await _discover(site, pool, account(0), epoch, count)
        start = time.perf_counter()
        await _discover(site, pool, account(1), epoch, count)
        seconds = time.perf_counter() - start
        meter = site.server.meter()
        meter.start()
        for place in range(2, 2 + _ACCOUNTS):
            await _discover(site, pool, account(place), epoch, count)
        return {"new_contacts": count, "discovered_s": seconds} | meter.stop(_ACCOUNTS * count, "evaluations")


async def _epoch(site: Site, pool: httpcore.AsyncConnectionPool) -> Epoch:
    response = await pool.request("GET", site.server.http + STATEMENT_PATH)
    statement, _ = read_statement(response.content, pinned=site.server.digest)
    return statement.epochs[0]


async def _discover(
    site: Site, pool: httpcore.AsyncConnectionPool, who: Account, epoch: Epoch, count: int
) -> list[Token]:
    blinded = tokens.Blinded([f"{who.place}/{number}".encode("ascii") for number in range(count)])
    body = msgspec.json.encode(Evaluate(epoch.epoch, blinded.elements))
    response = await _post(site, pool, who, b"{}", _FIRST_NONCE)
    nonce = dict(response.headers)[REPLAY_NONCE.lower().encode()].decode("ascii")
    response = await _post(site, pool, who, body, nonce)
    if response.status != 200:
        raise RuntimeError(f"the server did not evaluate: {response.content.decode('utf-8', 'replace')}")
    evaluated = msgspec.json.decode(response.content, type=Evaluated).evaluated
    outputs = blinded.finish(evaluated, public_key=epoch.voprf_key)
    return [tokens.token_from_output(epoch.epoch, output) for output in outputs]


async def _post(
    site: Site, pool: httpcore.AsyncConnectionPool, who: Account, body: bytes, nonce: str
) -> httpcore.Response:
    authority = urlsplit(site.server.http).netloc
    request = Request(method="POST", authority=authority, path=EVALUATE_PATH, body=body)
    fields = sign_request(request, key=who.key, device=who.device, server=site.server.digest, nonce=nonce)
    headers = [("Host", authority), ("Content-Type", "application/json"), *fields.items()]
    return await pool.request("POST", site.server.http + EVALUATE_PATH, headers=headers, content=body)


async def enrolled_set_of_a_million(bench: Bench, size: int) -> Figures:  # noqa: ARG001  no server, no envelope
    """The set of a million lines: made, its largest shard decoded, a token looked up, a hundredth of it changed."""
    rng = random.Random(1)
    lines = [Token(bytes([_EPOCH]) + rng.randbytes(32)) for _ in range(bench.settings.set_lines)]
    start = time.perf_counter()
    shape = enrolled_set.shape_for(len(lines))
    places = enrolled_set.places(lines, shape)
    shards = enrolled_set.encode_shards(places, epoch=_EPOCH, shape=shape)
    built = time.perf_counter() - start

    index = max(range(shape.shards), key=lambda one: len(shards[one]))
    start = time.perf_counter()
    shard = enrolled_set.decode_shard(shards[index], epoch=_EPOCH, shape=shape, index=index)
    decoded = time.perf_counter() - start

    looked_up = lines[:1000]
    start = time.perf_counter()
    for token in looked_up:
        enrolled_set.holds(shard, shape.place(token), shape)
    lookup = (time.perf_counter() - start) / len(looked_up)

    change = Change(removed=places[::200], added=sorted({place ^ 1 for place in places[1::200]} - set(places)))
    blob = enrolled_set.encode_change(change, epoch=_EPOCH, universe_bits=shape.universe_bits)
    return {
        "lines": len(lines),
        "set_bytes": sum(map(len, shards)),
        "built_s": built,
        "shards": shape.shards,
        "shard_decoded_ms": decoded * 1000,
        "lookup_us": lookup * 1_000_000,
        "change_bytes": len(blob),
    }
