"""Errors of the phone.

SaysoError
└── PhoneError
    ├── StoreLockedError       the store cannot be opened: wrong passphrase, damaged, or in use by another process
    ├── RatchetError           a message of the ratchet is forged, replayed or of another session
    ├── ModemGoneError         the modem cannot be reached
    ├── SmsFormatError         an SMS from the network lies about itself; nothing of it was used
    ├── CacheError             what can be fetched again cannot be kept or read
    ├── SessionError           who asks the web app belongs to no open session
    ├── WebAppError            the web app cannot be served
    ├── CommandError           what the owner asked for is not possible now; the message says what to do
    │   └── PolicyChangedError the server has another policy than the one agreed to
    └── ServerSideError        the server, or the way to it
        ├── UnreachableError   no answer, or one that cannot be read; try again later
        ├── ProblemError       the server refused, with a problem type
        ├── LoginRefusedError  the server does not know this device (any more)
        └── StreamClosedError  the stream ended
"""

from sayso.protocol.api import Lock
from sayso.protocol.errors import SaysoError
from sayso.protocol.frames import ByeReason


class PhoneError(SaysoError):
    """Root of the phone's errors."""


class StoreLockedError(PhoneError):
    """The store cannot be opened."""


class RatchetError(PhoneError):
    """A message of the ratchet is forged, replayed, or of another session."""


class ModemGoneError(PhoneError):
    """The modem cannot be reached."""


class SmsFormatError(PhoneError):
    """An SMS, or what it carries, is not of the form that it claims."""


class CacheError(PhoneError):
    """What can be fetched again cannot be kept on this phone, or read there."""


class SessionError(PhoneError):
    """Who asks the web app belongs to no open session."""


class WebAppError(PhoneError):
    """The web app cannot be served."""


class CommandError(PhoneError):
    """What the owner asked for is not possible now."""


class PolicyChangedError(CommandError):
    """The server has another policy than the one agreed to: the consent does not cover it."""


class ServerSideError(PhoneError):
    """The server, or the way to it."""


class UnreachableError(ServerSideError):
    """No answer, or one that cannot be read."""


class ProblemError(ServerSideError):
    """The server refused (RFC 9457)."""

    def __init__(
        self, problem: str, detail: str, *, retry_after_s: int | None = None, lock: Lock | None = None
    ) -> None:
        super().__init__(detail)
        self.problem = problem
        """Value of `sayso.protocol.api.ProblemType`, or whatever the server sent."""
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.lock = lock
        """How the line stands before a registration lock, where that is what stopped it."""


class LoginRefusedError(ServerSideError):
    """The server does not know this device (any more)."""


class StreamClosedError(ServerSideError):
    """The stream ended."""

    def __init__(self, message: str, reason: ByeReason | None = None) -> None:
        super().__init__(message)
        self.reason = reason
