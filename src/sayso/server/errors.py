"""Errors of the server.

SaysoError
└── ServerError
    ├── ConfigError            the server refuses to start; the message says what to do
    │   └── OthersRunError     another process works on its PostgreSQL
    ├── KeyringError           the keyring cannot be opened or written
    ├── StoreError             the storage failed; nothing after it may be acknowledged
    │   ├── NoSpaceError       the disk is full; nothing was stored, try again later
    │   └── CorruptError       stored bytes are not what was written
    ├── SmsError               an SMS was not taken, or nobody knows
    │   └── SmsNotTakenError   it was surely not taken
    │       └── SmsBudgetError a cap or the breaker stands in its way
    ├── PduError               the SMSC sent what is no SMPP
    └── Refused                a request of the control plane that is answered with a problem
"""

from sayso.protocol.api import Lock, ProblemType
from sayso.protocol.errors import SaysoError


class ServerError(SaysoError):
    """Root of the server's errors."""


class ConfigError(ServerError):
    """The server refuses to start like this."""


class OthersRunError(ConfigError):
    """Another process works on this PostgreSQL, and the two could not agree."""


class KeyringError(ServerError):
    """The keyring cannot be opened or written."""


class StoreError(ServerError):
    """The storage failed. After this nothing is acknowledged until it has been opened anew."""


class NoSpaceError(StoreError):
    """The disk is full: nothing of the batch was stored."""


class CorruptError(StoreError):
    """Stored bytes are not what was written."""


class SmsError(ServerError):
    """An SMS was not taken by the operator, or nobody knows whether it was."""


class SmsNotTakenError(SmsError):
    """An SMS was surely not taken, and costs nothing."""


class SmsBudgetError(SmsNotTakenError):
    """A cap or the breaker stands in an SMS's way."""


class PduError(ServerError):
    """What the SMSC sent is no SMPP; the connection cannot go on."""


class Refused(ServerError):  # noqa: N818  it is an answer, not a fault
    """A request that is answered with a problem (RFC 9457)."""

    def __init__(
        self, problem: ProblemType, detail: str, *, retry_after_s: int | None = None, lock: Lock | None = None
    ) -> None:
        super().__init__(detail)
        self.problem = problem
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.lock = lock
