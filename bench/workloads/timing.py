"""What the clock tells a stranger: claims for lines that have lapsed, hide or do not exist; enrolments of numbers.

Pairs of requests, in random order within each pair, over one kept connection. The difference of the medians is the
leak; a bootstrap says how well it is known. The server's data lies in memory: a disk's own milliseconds would hide what
is looked for.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpcore
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert

from bench.accounts import Account, account
from bench.bench import Bench, Site, no_collections
from bench.procfs import Figures
from bench.server import DIRECTORY
from sayso.consent.policy import current_policy
from sayso.consent.records import MESSAGING_DATA, MESSAGING_PURPOSES, ConsentRecord, sign_record
from sayso.protocol import api, tokens, xwing
from sayso.protocol.ids import DeviceId, GrantHash, Token
from sayso.protocol.keys import DeviceKeys, sign_identity
from sayso.protocol.limits import DAY, LIMITS
from sayso.protocol.numbers import PhoneNumber
from sayso.protocol.requests import Request, sign_request
from sayso.protocol.statement import Statement, read_statement
from sayso.protocol.xwing import SealPublicKey
from sayso.server.adapters.directory import rows
from sayso.server.adapters.directory.engine import open_database
from sayso.server.adapters.directory.tables import enrolments, envelope_keys, fallback_keys, one_time_keys
from sayso.server.adapters.keyring.opening import open_keyring
from sayso.server.adapters.system import SystemClock, SystemRandom
from sayso.server.core.directory import Enrolment, Findable

RESAMPLES: Final = 2000
CONFIDENCE: Final = 0.99
_LINES: Final = 50
"""Lines of each kind; which one a request is for is drawn."""
_WARM_UP: Final = 50
_BUSY: Final = 503
_CATCH_UP_S: Final = 1.0
_PAUSE_S: Final = 0.005
"""After a request whose background work is to be over before the next."""
_US: Final = 1_000_000.0
_FIRST_NONCE: Final = "no-nonce-yet-ask-for-one"
_KNOWN: Final = [f"+447700900{place:03d}" for place in range(100, 100 + _LINES)]
_UNKNOWN: Final = [f"+447700900{place:03d}" for place in range(900, 900 + _LINES)]


async def timing(bench: Bench, size: int) -> Figures:  # noqa: ARG001  no envelope is sent
    """10,000 pairs each: claims for lapsed, hidden and unknown lines; enrolments of known and unknown numbers."""
    rounds = bench.settings.timing_pairs
    async with bench.site(in_memory=True) as site, httpcore.AsyncConnectionPool(max_connections=1) as pool:
        await site.server.stop()
        kinds = await _enrol_kinds(site.server.data)
        await site.server.start()
        statement = await fetch_statement(site, pool)
        rng = random.Random(1)
        claims = _Claims(site, kinds, rng)
        codes = CodeRequests(site, statement, rng)
        with no_collections():
            await _rounds(site, pool, claims.make, list(kinds), _WARM_UP, rng)
            claimed = await _rounds(site, pool, claims.make, list(kinds), rounds, rng)
            await _rounds(site, pool, codes.make, ["known", "unknown"], _WARM_UP, rng)
            enrolled = await _rounds(site, pool, codes.make, ["known", "unknown"], rounds, rng, probe=True)
    figures: Figures = {"pairs": rounds}
    for one, other in (("lapsed", "unknown"), ("hidden", "unknown"), ("lapsed", "hidden")):
        figures |= _compared(f"claim_{one}_{other}", claimed[one], claimed[other])
    figures |= _compared("claim_reachable_unknown", claimed["reachable"], claimed["unknown"])
    figures |= _compared("enrol_known_unknown", enrolled["known"], enrolled["unknown"])
    figures |= _compared("after_enrol_known_unknown", enrolled["after known"], enrolled["after unknown"])
    return figures | {
        "claim_p50_us": _median(claimed["unknown"]) * _US,
        "enrol_p50_us": _median(enrolled["unknown"]) * _US,
        "worst_us": max(value for name, value in figures.items() if name.endswith("_bound_us") and "reach" not in name),
    }


def difference_bounds(one: Sequence[float], other: Sequence[float], *, rng: random.Random) -> tuple[float, float]:
    """Return the bootstrap interval of the difference of two medians.

    The median of a resample of n values is the k-th of the sorted values, and k/n is distributed as Beta(m+1, m+1) with
    m = (n-1)/2: drawing that is the same as drawing n values and sorting them, at a ten-thousandth of the price.
    """
    sorted_one, sorted_other = sorted(one), sorted(other)
    drawn = sorted(_resampled(sorted_one, rng) - _resampled(sorted_other, rng) for _ in range(RESAMPLES))
    tail = round(RESAMPLES * (1 - CONFIDENCE) / 2)
    return drawn[tail], drawn[RESAMPLES - 1 - tail]


def _resampled(ordered: Sequence[float], rng: random.Random) -> float:
    half = (len(ordered) - 1) / 2
    return ordered[min(len(ordered) - 1, int(len(ordered) * rng.betavariate(half + 1, half + 1)))]


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def _compared(name: str, one: Sequence[float], other: Sequence[float]) -> Figures:
    low, high = difference_bounds(one, other, rng=random.Random(2))
    return {
        f"{name}_us": abs(_median(one) - _median(other)) * _US,
        f"{name}_bound_us": max(abs(low), abs(high)) * _US,
    }


@dataclass(frozen=True, slots=True)
class Made:
    """A signed request, ready to be sent."""

    path: str
    fields: list[tuple[str, str]]
    body: bytes


Make = Callable[[str, str], Made]
"""Make a request of a kind with a nonce."""


async def _rounds(
    site: Site,
    pool: httpcore.AsyncConnectionPool,
    make: Make,
    kinds: list[str],
    rounds: int,
    rng: random.Random,
    *,
    probe: bool = False,
) -> dict[str, list[float]]:
    """Send one request of each kind in each round, in random order; return seconds.

    With `probe` a harmless request follows each: what the server still does in the background would show in it.
    """
    took: dict[str, list[float]] = {name: [] for kind in kinds for name in (kind, f"after {kind}")}
    nonce = await first_nonce(site, pool)
    for _ in range(rounds):
        for kind in rng.sample(kinds, len(kinds)):
            made = make(kind, nonce)
            start = time.perf_counter()
            response = await pool.request("POST", site.server.http + made.path, headers=made.fields, content=made.body)
            middle = time.perf_counter()
            took[kind].append(middle - start)
            if probe:
                await pool.request("GET", site.server.http + api.STATEMENT_PATH)
                took[f"after {kind}"].append(time.perf_counter() - middle)
                await asyncio.sleep(_PAUSE_S)
            if response.status == _BUSY:
                # Codes are sent more slowly than they are asked for here: let it catch up, and do not count this one.
                took[kind].pop()
                await asyncio.sleep(_CATCH_UP_S)
            elif response.status not in {200, 202}:
                raise RuntimeError(f"the server refused: {response.content.decode('utf-8', 'replace')}")
            nonce = dict(response.headers)[api.REPLAY_NONCE.lower().encode()].decode("ascii")
    return took


async def first_nonce(site: Site, pool: httpcore.AsyncConnectionPool) -> str:
    """Draw a nonce from the server."""
    made = _signed(site, account(0), api.ME_PATH, b"{}", _FIRST_NONCE)
    response = await pool.request("POST", site.server.http + made.path, headers=made.fields, content=made.body)
    return dict(response.headers)[api.REPLAY_NONCE.lower().encode()].decode("ascii")


async def fetch_statement(site: Site, pool: httpcore.AsyncConnectionPool) -> Statement:
    """Fetch and check the server's statement."""
    response = await pool.request("GET", site.server.http + api.STATEMENT_PATH)
    return read_statement(response.content, pinned=site.server.digest)[0]


def _signed(site: Site, who: Account, path: str, body: bytes, nonce: str) -> Made:
    return _signed_by(site, who.key, who.device, path, body, nonce)


def _signed_by(site: Site, key: Ed25519PrivateKey, device: DeviceId, path: str, body: bytes, nonce: str) -> Made:
    authority = urlsplit(site.server.http).netloc
    request = Request(method="POST", authority=authority, path=path, body=body)
    fields = sign_request(request, key=key, device=device, server=site.server.digest, nonce=nonce)
    return Made(path, [("Host", authority), ("Content-Type", "application/json"), *fields.items()], body)


class _Claims:
    """Makes claims for one line; many accounts take turns, so that no budget is spent."""

    def __init__(self, site: Site, kinds: dict[str, list[Token]], rng: random.Random) -> None:
        self._site = site
        self._kinds = kinds
        self._rng = rng
        self._claimers = [account(place) for place in range(site.settings.accounts)]

    def make(self, kind: str, nonce: str) -> Made:
        line = api.ClaimLine(self._rng.choice(self._kinds[kind]))
        body = msgspec.json.encode(api.Claim(self._rng.randbytes(16), [line]))
        return _signed(self._site, self._rng.choice(self._claimers), api.CLAIM_PATH, body, nonce)


class CodeRequests:
    """Makes requests for a code, each of a device of its own."""

    def __init__(self, site: Site, statement: Statement, rng: random.Random) -> None:
        self._site = site
        self._statement = statement
        self._rng = rng
        self._seal = SealPublicKey(statement.registrar_key)

    def make(self, kind: str, nonce: str) -> Made:
        """Make one for a number that is `known` or `unknown`, with a nonce of the server's."""
        return self.ask(self._rng.choice(_KNOWN if kind == "known" else _UNKNOWN), nonce).made

    def ask(self, number: str, nonce: str) -> "Asking":
        """Make one for this number."""
        key = Ed25519PrivateKey.from_private_bytes(self._rng.randbytes(32))
        device, enrolment = DeviceId(self._rng.randbytes(16)), self._rng.randbytes(16)
        server = self._site.server.digest
        record = ConsentRecord(
            record_id=self._rng.randbytes(16),
            kind="messaging",
            server="http://127.0.0.1:8080",
            server_key=server,
            policy=current_policy(),
            purposes=MESSAGING_PURPOSES,
            personal_data=MESSAGING_DATA,
            timestamp="2026-01-01T00:00:00Z",
            method="bench",
            line=self._rng.randbytes(16),
            device=device,
            device_key=key.public_key().public_bytes_raw(),
            findable="everyone",
        )
        epoch = self._statement.epochs[0].epoch
        body = api.Enrol(
            id=enrolment,
            consent=sign_record(record, key),
            keys=sign_identity(key, device=device, server=server, curve25519=self._rng.randbytes(32)),
            epoch=epoch,
            registrar_key_id=self._statement.registrar_key_id,
            sealed_number=self._seal.seal(
                api.number_plaintext(self._rng.randbytes(32), number), info=api.number_info(enrolment, epoch, nonce)
            ),
        )
        made = _signed_by(self._site, key, device, api.ENROL_PATH, msgspec.json.encode(body), nonce)
        return Asking(made, key, device, enrolment)

    def confirm(self, asking: "Asking", code: str, nonce: str) -> Made:
        """Make the confirmation with the code from the SMS."""
        body = msgspec.json.encode(api.Confirm(asking.enrolment, code))
        return _signed_by(self._site, asking.key, asking.device, api.CONFIRM_PATH, body, nonce)


@dataclass(frozen=True, slots=True)
class Asking:
    """A request for a code, and who asks."""

    made: Made
    key: Ed25519PrivateKey
    device: DeviceId
    enrolment: bytes


async def _enrol_kinds(data: Path) -> dict[str, list[Token]]:
    """Enrol lines that are lapsed, hidden and reachable, and lines of the known numbers; return tokens by kind."""
    secrets = open_keyring(data, None, clock=SystemClock(), random=SystemRandom()).secrets()
    rng = random.Random(3)
    kinds: dict[str, list[Token]] = {kind: list(_tokens(rng)) for kind in ("lapsed", "hidden", "unknown", "reachable")}
    known = [tokens.token_of(secrets.voprf, secrets.epoch, PhoneNumber(number)) for number in _KNOWN]
    held = [
        *(_enrolment(token, rng, "everyone", lease_ends=0.0) for token in kinds["lapsed"]),
        *(_enrolment(token, rng, "nobody") for token in kinds["hidden"]),
        *(_enrolment(token, rng, "everyone") for token in (*kinds["reachable"], *known)),
    ]
    database = await open_database(data / DIRECTORY)
    try:
        async with database.write() as connection:
            await connection.execute(insert(enrolments), [rows.from_enrolment(one) for one in held])
            for one in held:
                ratchet = {"device": one.device, "id": 0, "key": bytes(32), "signature": bytes(64)}
                await connection.execute(insert(fallback_keys).values(ratchet))
                await connection.execute(insert(one_time_keys).values(ratchet | {"id": 1}))
                envelope = ratchet | {"created": 0, "key": bytes(xwing.PUBLIC_BYTES), "replaced_at": None}
                await connection.execute(insert(envelope_keys).values(envelope))
    finally:
        await database.close()
    return kinds


def _tokens(rng: random.Random) -> Iterator[Token]:
    for _ in range(_LINES):
        yield Token(b"\x01" + rng.randbytes(32))


def _enrolment(
    token: Token, rng: random.Random, findable: Findable, *, lease_ends: float = LIMITS.enrolment_expiry_s + DAY
) -> Enrolment:
    return Enrolment(
        token=token,
        commitment=rng.randbytes(32),
        keys=DeviceKeys(rng.randbytes(16), rng.randbytes(32), rng.randbytes(32), rng.randbytes(64)),
        grant_hash=GrantHash(rng.randbytes(32)),
        findable=findable,
        lease_ends=lease_ends,
        receipt_sha256=bytes(32),
        policy_sha256=bytes(32),
        enrolled_on="2026-01-01",
    )
