"""Errors of consent.

SaysoError
└── ConsentError               a record, withdrawal or receipt is malformed, forged or about something else
    └── GateClosedError        a connection was asked for that no consent covers
"""

from sayso.protocol.errors import SaysoError


class ConsentError(SaysoError):
    """A consent document is malformed, forged, or about another server, device or policy."""


class GateClosedError(ConsentError):
    """No consent covers this connection: withdrawn, or to another place than was agreed to."""
