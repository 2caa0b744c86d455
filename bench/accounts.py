"""Enrolled lines for the driver, seeded into the directory while no server runs.

Enrolling 5,000 phones by HTTP would take minutes and measure nothing that is looked for here. Everything about an
account follows from its place, so that nothing has to be kept beside the directory.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert

from sayso.protocol import xwing
from sayso.protocol.ids import DeviceId, Grant, GrantHash, KeyDigest, Token, grant_hash
from sayso.protocol.keys import DeviceKeys
from sayso.protocol.limits import LIMITS
from sayso.protocol.signing import Purpose, sign
from sayso.server.adapters.directory import rows
from sayso.server.adapters.directory.engine import Database, open_database
from sayso.server.adapters.directory.tables import enrolments, envelope_keys
from sayso.server.core.directory import Enrolment

ENVELOPE_KEY = 1
"""Id of the envelope key that every account serves."""


@dataclass(frozen=True, slots=True)
class Account:
    """One line and its device."""

    place: int
    device: DeviceId
    key: Ed25519PrivateKey
    token: Token
    grant: Grant

    def sign_login(self, nonce: bytes, server: KeyDigest) -> bytes:
        """Answer the server's challenge."""
        return sign(self.key, Purpose.LOGIN, server=server, device=self.device, body=b"", nonce=nonce)


def account(place: int) -> Account:
    """Return the account at a place."""
    return Account(
        place,
        DeviceId(_draw("device", place)[:16]),
        Ed25519PrivateKey.from_private_bytes(_draw("key", place)),
        Token(b"\x01" + _draw("token", place)),
        Grant(_draw("grant", place)),
    )


async def seed(directory: Path, count: int) -> None:
    """Enrol `count` accounts in the directory database at this path; no server may run on it."""
    database = await open_database(directory)
    try:
        await seed_into(database, count)
    finally:
        await database.close()


async def seed_into(database: Database, count: int) -> None:
    """Enrol `count` accounts in an open directory database."""
    async with database.write() as connection:
        enrolled = [rows.from_enrolment(_enrolment(account(place))) for place in range(count)]
        await connection.execute(insert(enrolments), enrolled)
        await connection.execute(insert(envelope_keys), [_envelope_key(row["device"]) for row in enrolled])


def _draw(what: str, place: int) -> bytes:
    return hashlib.sha256(f"sayso-bench/{what}/{place}".encode("ascii")).digest()


def _enrolment(one: Account) -> Enrolment:
    public = one.key.public_key().public_bytes_raw()
    return Enrolment(
        token=one.token,
        commitment=_draw("commitment", one.place),
        keys=DeviceKeys(one.device, public, _draw("curve25519", one.place), bytes(64)),
        grant_hash=GrantHash(grant_hash(one.grant)),
        findable="everyone",
        lease_ends=float(LIMITS.lease_s),
        receipt_sha256=bytes(32),
        policy_sha256=bytes(32),
        enrolled_on="2026-01-01",
    )


def _envelope_key(device: object) -> dict[str, object]:
    return {
        "device": device,
        "id": ENVELOPE_KEY,
        "created": 0,
        "key": bytes(xwing.PUBLIC_BYTES),
        "signature": bytes(64),
        "replaced_at": None,
    }
