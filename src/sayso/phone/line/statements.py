"""The server's statement: fetched through the gate, checked against what was agreed to, kept."""

import functools
import hashlib
import json
from dataclasses import replace

from sayso.consent.records import read_record
from sayso.phone.core.lines import Device
from sayso.phone.errors import PolicyChangedError
from sayso.phone.line.world import Reach, World
from sayso.protocol.errors import StatementError
from sayso.protocol.ids import KeyDigest
from sayso.protocol.statement import Policy, Statement, read_statement

_SHOWN_KEPT = 8
_DIGEST_BYTES = hashlib.sha256().digest_size


async def fetch_statement(world: World, reach: Reach, device: Device) -> Device:
    """Fetch and check the statement, against the consent in force.

    Returns:
        The device with it, not stored yet.

    Raises:
        UnreachableError: no answer.
        StatementError: not the server that was agreed to, or malformed.
        PolicyChangedError: the server has another policy than the one agreed to.
        GateClosedError: consent has ended.
    """
    document = await reach.control.statement()
    statement, digest = read_statement(document, pinned=KeyDigest(device.server_key))
    check_policy(statement.policy, agreed=_agreed(world, device), shown=world.policy)
    return with_statement(device, document, digest, at=world.clock.wall())


def with_statement(device: Device, document: bytes, digest: bytes, *, at: float) -> Device:
    """Return the device with a statement that was checked, and its digest among those that it was shown."""
    newest = device.statements_shown[:_DIGEST_BYTES]
    shown = digest + b"".join(one for one in shown_to_us(device) if one != digest)
    return replace(
        device,
        statement_since=device.statement_since if newest == digest else at,
        statement=document,
        statement_at=at,
        statements_shown=shown[: _SHOWN_KEPT * _DIGEST_BYTES],
    )


async def refresh(world: World, reach: Reach, line: bytes) -> None:
    """Fetch the statement and keep it; errors as for `fetch_statement`."""
    device = world.store.lines.device(line)
    if device is None:
        raise LookupError("this line has no device")
    fetched = await fetch_statement(world, reach, device)
    with world.store.transaction("statement"):
        now = world.store.lines.device(line)
        if now is not None:
            world.store.lines.put_device(
                replace(
                    now,
                    statement=fetched.statement,
                    statement_at=fetched.statement_at,
                    statement_since=fetched.statement_since,
                    statements_shown=fetched.statements_shown,
                )
            )


def current(device: Device) -> tuple[Statement, bytes]:
    """Return the statement that a device keeps, and its digest.

    Raises:
        StatementError: there is none yet.
    """
    if not device.statement:
        raise StatementError("this line has not seen its server's statement yet")
    return _read(device.statement, device.server_key)


def shown_to_us(device: Device) -> list[bytes]:
    """Return the digests of the statements that this phone was shown, newest first."""
    shown = device.statements_shown
    return [shown[at : at + _DIGEST_BYTES] for at in range(0, len(shown), _DIGEST_BYTES)]


@functools.lru_cache(maxsize=16)
def _read(document: bytes, server_key: bytes) -> tuple[Statement, bytes]:
    return read_statement(document, pinned=KeyDigest(server_key))


def check_policy(theirs: Policy, *, agreed: Policy, shown: Policy) -> None:
    """Compare the server's policy with the one agreed to. A change of one byte is another policy.

    Raises:
        PolicyChangedError: another one; the sentence says whether the owner can read it on this phone.
    """
    if theirs == agreed:
        return
    if theirs == shown:
        raise PolicyChangedError(
            "the server's policy has changed, and your consent does not cover the new text: read it "
            "(sayso phone policy), then agree to it (sayso phone agree) or opt out"
        )
    raise PolicyChangedError(
        "the server's policy is not the one that this phone shows; update Sayso, or ask its operator"
    )


def _agreed(world: World, device: Device) -> Policy:
    consent = world.store.lines.consent(device.record_id)
    if consent is None:
        raise LookupError("a device has a consent")
    return read_record(json.loads(consent.record)).record.policy
