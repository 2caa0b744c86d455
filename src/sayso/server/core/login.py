"""The beginning of a stream: hellos, challenge, login (docs/protocol.md, "Stream"). One machine for one connection.

NEW ──hello──▶ GREETED ──login──▶ IN
└──anything else──▶ refused: an error frame, then the end
"""

from enum import Enum

from sayso.protocol.errors import SignatureError
from sayso.protocol.frames import Error, ErrorCode, Frame, Hello, Login
from sayso.protocol.ids import DeviceId, KeyDigest
from sayso.protocol.limits import LIMITS
from sayso.protocol.signing import Purpose, verify
from sayso.server.core.lines import LineTable


class Stage(Enum):
    """How far a connection is."""

    NEW = 1
    GREETED = 2
    IN = 3


class LoginRefused(Exception):  # noqa: N818  it carries the answer
    """The connection ends; `frame` says why."""

    def __init__(self, frame: Error) -> None:
        super().__init__(frame.detail)
        self.frame = frame


class Greeter:
    """Takes a connection from its first frame to the login."""

    __slots__ = ("_nonce", "_server", "_started", "lines", "stage")

    def __init__(self, lines: LineTable, server: KeyDigest, *, nonce: bytes, now: float) -> None:
        """Begin.

        Args:
            lines: who can log in.
            server: the server's key digest, which the signature covers.
            nonce: 32 random bytes, for this connection only.
            now: running seconds.
        """
        self.lines = lines
        self._server = server
        self._nonce = nonce
        self._started = now
        self.stage = Stage.NEW

    def hello(self) -> Hello:
        """Return the server's first frame."""
        return Hello(LIMITS.protocol_version, (), self._nonce)

    def take(self, frame: Frame, *, now: float) -> DeviceId | None:
        """Take a frame. Returns the device once it is logged in.

        An unknown device and a wrong signature get the same answer after the same work.

        Raises:
            LoginRefused: the frame is not the expected one, too late, of another version, or wrongly signed.
        """
        if self.stage is Stage.NEW and isinstance(frame, Hello):
            if frame.version != LIMITS.protocol_version:
                raise LoginRefused(Error(ErrorCode.VERSION, 1, f"this server speaks version {LIMITS.protocol_version}"))
            self.stage = Stage.GREETED
            return None
        if self.stage is not Stage.GREETED or not isinstance(frame, Login):
            raise LoginRefused(Error(ErrorCode.NOT_LOGGED_IN, 0, "a stream begins with hello, then login"))
        if now - self._started > LIMITS.challenge_s:
            raise LoginRefused(Error(ErrorCode.BAD_LOGIN, 2, "the challenge is too old; connect again"))
        line = self.lines.by_device(frame.device)
        key = line.ed25519 if line is not None else _NOBODY
        try:
            verify(
                key,
                frame.signature,
                Purpose.LOGIN,
                server=self._server,
                device=frame.device,
                body=b"",
                nonce=self._nonce,
            )
        except SignatureError:
            line = None
        if line is None:  # also where the signature holds: anybody can sign for _NOBODY
            raise LoginRefused(Error(ErrorCode.BAD_LOGIN, 2, "this device is not enrolled here"))
        self.stage = Stage.IN
        return DeviceId(frame.device)


_NOBODY = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
"""A valid Ed25519 key: verifying against it costs what verifying against a real one costs.

RFC 8032, test 1: its private half is public, so a signature by it proves nothing."""
