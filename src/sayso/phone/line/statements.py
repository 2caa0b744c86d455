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
    shown = digest + device.statements_shown.replace(digest, b"")
    return replace(
        device,
        statement=document,
        statement_at=at,
        statements_shown=shown[: _SHOWN_KEPT * _DIGEST_BYTES],
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
