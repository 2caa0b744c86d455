"""Errors of the simulated carrier.

CarrierError
├── CarrierConfigError         the carrier cannot start like this; the message says what to change
│   └── PortTakenError         somebody else listens on the gateway's port
├── StoreError                 the database failed; the process stops, since memory may be ahead of the disk
├── ControlUnavailableError    no carrier answers at this control socket, or it answers nonsense
└── RefusedError               a request cannot be done; nothing has changed
    ├── NoSuchSimError         there is no SIM of this name
    ├── NoSuchModemError       there is no modem of this name
    ├── NameTakenError         a SIM or modem of this name exists already
    ├── NumberTakenError       another SIM has this number
    ├── BadValueError          a number, name, text, time or probability that cannot be
    └── QueueFullError         the network holds as many undelivered SMS as it can
"""

from typing import ClassVar

from sayso.protocol.errors import SaysoError


class CarrierError(SaysoError):
    """Root of the carrier's errors. Messages never hold a number or a text."""


class CarrierConfigError(CarrierError):
    """The carrier cannot start with these settings."""


class PortTakenError(CarrierConfigError):
    """Somebody else listens on the gateway's port."""


class StoreError(CarrierError):
    """The carrier's database could not be read or written."""


class ControlUnavailableError(CarrierError):
    """No carrier answers at this control socket."""


class RefusedError(CarrierError):
    """A request was refused and changed nothing; `code` is what the control socket calls it."""

    code: ClassVar[str] = "refused"


class NoSuchSimError(RefusedError):
    """There is no SIM of this name."""

    code = "no-such-sim"


class NoSuchModemError(RefusedError):
    """There is no modem of this name."""

    code = "no-such-modem"


class NameTakenError(RefusedError):
    """A SIM or modem of this name exists already."""

    code = "name-taken"


class NumberTakenError(RefusedError):
    """Another SIM has this number."""

    code = "number-taken"


class BadValueError(RefusedError):
    """A value that cannot be."""

    code = "bad-value"


class QueueFullError(RefusedError):
    """The network holds as many undelivered SMS as it can."""

    code = "queue-full"
