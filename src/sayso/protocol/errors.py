"""Errors of the protocol.

SaysoError
└── ProtocolError              bytes or values from outside that do not fit; the peer is wrong
    ├── FrameError             a WebSocket message is no list of frames, or a frame is malformed
    ├── NumberError            not a phone number that can be used here
    ├── SignatureError         a signature, its nonce, digest or key does not fit
    ├── StatementError         the server's statement is malformed or not its own
    ├── EnvelopeError          an envelope cannot be opened, or content does not fit into one
    ├── ContentError           the inside of an envelope is malformed
    ├── CertificateError       a sender certificate is forged, expired or about somebody else
    ├── DiscoveryError         a VOPRF element or proof is invalid
    ├── SetError               the enrolled set, its manifest or a change to it is malformed or forged
    ├── PinError               this is no PIN
    └── PassphraseError        sealed bytes are damaged, or the passphrase is wrong
"""


class SaysoError(Exception):
    """Root of everything that Sayso raises on purpose. Messages never hold a number, key, code or text."""


class ProtocolError(SaysoError):
    """Something that came from outside does not fit the protocol."""


class FrameError(ProtocolError):
    """A WebSocket message is not a list of well-formed frames."""


class NumberError(ProtocolError):
    """The text is not a phone number that can be used here."""


class SignatureError(ProtocolError):
    """A signature does not verify, or what it should cover is missing."""


class StatementError(ProtocolError):
    """The server's statement is malformed, or not signed by the key that was agreed to."""


class EnvelopeError(ProtocolError):
    """An envelope cannot be opened with this key and context, or its content is too large."""


class ContentError(ProtocolError):
    """The inside of an envelope is malformed."""


class CertificateError(ProtocolError):
    """A sender certificate is forged, expired, of another epoch, or about somebody else."""


class DiscoveryError(ProtocolError):
    """A blinded element, an evaluation or its proof is invalid."""


class SetError(ProtocolError):
    """The enrolled set, its manifest or a change to it is malformed, forged, or not what was asked for."""


class PinError(ProtocolError):
    """The text is no PIN."""


class PassphraseError(ProtocolError):
    """Sealed bytes are damaged, or the passphrase is not the one they were sealed with."""
