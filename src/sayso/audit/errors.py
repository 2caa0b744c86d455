"""Errors of the leak auditor.

AuditError
├── SeedError                  the seeds file is missing, unreadable or wrong; the message says where
├── PhaseError                 the phase file is wrong; the message says where
├── CaptureError               a capture cannot be read; the message names the file and what to do
│   ├── UnknownFormatError     no reader knows this kind of file
│   └── CorruptCaptureError    it begins well and breaks off; what came before was read
├── ReportError                a report of an earlier run cannot be read or is of another schema
├── PluginError                a decoder plug-in is missing or raised
├── RecorderError              mitmproxy is missing, or did not start
└── DecodeError                one view cannot be decoded that way; caught inside, never shown
    └── TooLargeError          the decoded view would exceed its bound (a decompression bomb)

No message holds a seed's value: a log of the auditor must not become the leak.
"""

from sayso.protocol.errors import SaysoError


class AuditError(SaysoError):
    """Root of the auditor's errors. Messages never hold a seed's value."""


class SeedError(AuditError):
    """The seeds file cannot be used; the message says which table and which key."""


class PhaseError(AuditError):
    """The phase file cannot be used; the message says which line."""


class CaptureError(AuditError):
    """A capture cannot be read."""


class UnknownFormatError(CaptureError):
    """No reader knows this kind of file."""


class CorruptCaptureError(CaptureError):
    """The file begins well and breaks off; what came before has been read."""


class ReportError(AuditError):
    """A report of an earlier run cannot be read."""


class PluginError(AuditError):
    """A decoder plug-in is missing or raised."""


class RecorderError(AuditError):
    """The recorder is missing, or did not start."""


class DecodeError(AuditError):
    """A view cannot be decoded in this way. Caught by the search."""


class TooLargeError(DecodeError):
    """The decoded view would be larger than the bound allows."""
