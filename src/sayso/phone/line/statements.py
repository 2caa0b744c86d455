"""The server's statement: fetched through the gate, checked against what was agreed to, kept."""

import functools
import hashlib
from dataclasses import replace

from sayso.phone.core.lines import Device
from sayso.phone.errors import CommandError
from sayso.phone.line.world import Reach, World
from sayso.protocol.errors import StatementError
from sayso.protocol.ids import KeyDigest
from sayso.protocol.statement import Policy, Statement, read_statement

_SHOWN_KEPT = 8
_DIGEST_BYTES = hashlib.sha256().digest_size


async def fetch_statement(world: World, reach: Reach, device: Device) -> Device:
    """Fetch and check the statement.

    Returns:
        The device with it, not stored yet.

    Raises:
        UnreachableError: no answer.
        StatementError: not the server that was agreed to, or malformed.
        CommandError: the server has another policy than the one agreed to.
        GateClosedError: consent has ended.
    """
    document = await reach.control.statement()
    statement, digest = read_statement(document, pinned=KeyDigest(device.server_key))
    _check_policy(statement.policy, world.policy)
    shown = digest + device.statements_shown.replace(digest, b"")
    return replace(
        device,
        statement=document,
        statement_at=world.clock.wall(),
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


def _check_policy(theirs: Policy, ours: Policy) -> None:
    if theirs != ours:
        raise CommandError(
            "the server's policy is not the one that this phone shows; update Sayso, or ask its operator"
        )
