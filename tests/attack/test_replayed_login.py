"""Replayed and forged logins: signatures of other connections, servers, purposes, devices; and a key that all know."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sayso.protocol.frames import ErrorCode, Hello, Login
from sayso.protocol.ids import KeyDigest
from sayso.protocol.limits import LIMITS
from sayso.protocol.signing import Purpose, sign
from sayso.server.core.lines import LineTable
from sayso.server.core.login import Greeter, LoginRefused
from tests.fakes.login import SERVER, Device

HELLO = Hello(LIMITS.protocol_version, (), b"")
BOB, EVE = Device("bob"), Device("eve")
NONCE = b"n" * 32


def try_login(login: Login, *, nonce: bytes = NONCE, server: KeyDigest = SERVER) -> bytes | None:
    """Return the device that was let in, if one was."""
    greeter = Greeter(LineTable([BOB.line, EVE.line]), server, nonce=nonce, now=0.0)
    greeter.take(HELLO, now=0.0)
    try:
        return greeter.take(login, now=0.0)
    except LoginRefused as refused:
        if refused.frame.code is not ErrorCode.BAD_LOGIN:
            raise
    return None


def test_the_honest_login_works() -> None:
    assert try_login(BOB.login(NONCE)) == BOB.line.device


def test_a_login_seen_on_one_connection_opens_no_other() -> None:
    assert try_login(BOB.login(NONCE), nonce=b"m" * 32) is None


def test_a_login_made_for_one_server_opens_no_other() -> None:
    """A server in the middle passes another server's challenge on to the phone that trusts it."""
    assert try_login(BOB.login(NONCE, server=KeyDigest(b"e" * 32))) is None


@pytest.mark.parametrize("purpose", [purpose for purpose in Purpose if purpose is not Purpose.LOGIN])
def test_a_signature_for_another_purpose_logs_nobody_in(purpose: Purpose) -> None:
    assert try_login(BOB.login(NONCE, purpose=purpose)) is None


def test_one_device_cannot_log_in_as_another() -> None:
    assert try_login(Login(BOB.line.device, EVE.login(NONCE).signature)) is None
    as_bob = sign(EVE.key, Purpose.LOGIN, server=SERVER, device=BOB.line.device, body=b"", nonce=NONCE)
    assert try_login(Login(BOB.line.device, as_bob)) is None


def test_the_key_that_stands_in_for_unknown_devices_lets_nobody_in() -> None:
    """An unknown device's signature is checked against a published test key, so that it takes as long as any other.

    Its private half is in RFC 8032 (7.1, test 1): whoever signs with that must not be taken for a device.
    """
    known_to_all = Ed25519PrivateKey.from_private_bytes(
        bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    )
    stranger = b"x" * 16
    signature = sign(known_to_all, Purpose.LOGIN, server=SERVER, device=stranger, body=b"", nonce=NONCE)
    assert try_login(Login(stranger, signature)) is None


def test_a_device_that_left_cannot_come_back_by_its_old_key() -> None:
    lines = LineTable([BOB.line])
    lines.remove(BOB.line.device)
    greeter = Greeter(lines, SERVER, nonce=NONCE, now=0.0)
    greeter.take(HELLO, now=0.0)
    with pytest.raises(LoginRefused):
        greeter.take(BOB.login(NONCE), now=0.0)
