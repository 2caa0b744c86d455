"""The server's own keys at work."""

from dataclasses import replace

import pytest

from sayso.consent.policy import current_policy
from sayso.protocol.errors import EnvelopeError
from sayso.protocol.limits import LIMITS
from sayso.protocol.statement import read_statement
from sayso.protocol.xwing import SealPublicKey
from sayso.server.errors import KeyringError
from sayso.server.ports import ServerSecrets
from sayso.server.services.identity import STATED_LIMITS, ServerIdentity
from tests.fakes.control_world import ServerClock, secrets


def identity(of: ServerSecrets | None = None, clock: ServerClock | None = None) -> ServerIdentity:
    return ServerIdentity(
        of or secrets(), policy=current_policy(), stream="wss://chat.example/stream", clock=clock or ServerClock()
    )


def test_the_statement_is_signed_by_the_key_that_phones_pin() -> None:
    server = identity()
    statement, _ = read_statement(server.statement, pinned=server.digest)
    assert statement.policy == current_policy()
    assert (statement.epochs[0].epoch, statement.registrar_key_id) == (5, 3)
    assert statement.limits == {name: getattr(LIMITS, name) for name in STATED_LIMITS}


def test_only_the_registrar_opens_what_is_sealed_to_its_key() -> None:
    server = identity()
    statement, _ = read_statement(server.statement, pinned=server.digest)
    sealed = SealPublicKey(statement.registrar_key).seal(b"number", info=b"request")
    assert server.open_number(sealed, key_id=3, info=b"request") == b"number"
    with pytest.raises(EnvelopeError):
        server.open_number(sealed, key_id=3, info=b"another request")


def test_days_are_utc() -> None:
    clock = ServerClock()
    clock.seconds = 1_795_046_399 - clock.wall()
    assert identity(clock=clock).today() == "2026-11-18"
    clock.seconds += 1
    assert identity(clock=clock).today() == "2026-11-19"


DAMAGED = {
    "long-term key": replace(secrets(), long_term=b"short"),
    "certificate key": replace(secrets(), certificate=b"short"),
    "receipt key": replace(secrets(), receipt=b"short"),
    "registrar's key": replace(secrets(), registrar=b"short"),
}


@pytest.mark.parametrize("which", DAMAGED)
def test_a_damaged_key_is_said_at_start(which: str) -> None:
    with pytest.raises(KeyringError, match="backup"):
        identity(DAMAGED[which])
