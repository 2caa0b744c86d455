"""A device that logs in to a real Greeter or a real stream."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sayso.protocol.frames import Login
from sayso.protocol.ids import KeyDigest
from sayso.protocol.signing import Purpose, sign
from sayso.server.core.lines import Line
from tests.fakes.relay_world import make_line

SERVER = KeyDigest(b"s" * 32)


class Device:
    """A line's device with its signing key."""

    def __init__(self, name: str, *, hidden: bool = False) -> None:
        self.key = Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"."))
        self.line: Line = make_line(name, hidden=hidden)
        self.line.ed25519 = self.key.public_key().public_bytes_raw()

    def login(self, nonce: bytes, *, server: KeyDigest = SERVER, purpose: Purpose = Purpose.LOGIN) -> Login:
        """Sign a server's nonce."""
        signature = sign(self.key, purpose, server=server, device=self.line.device, body=b"", nonce=nonce)
        return Login(self.line.device, signature)
