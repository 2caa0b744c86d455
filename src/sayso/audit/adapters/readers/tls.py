"""The hello of a TLS client (RFC 8446, 4.1.2): the name it asks for in the clear."""

import dpkt

HANDSHAKE = 0x16
ALERT = 0x15
CLIENT_HELLO = 1
SERVER_NAME = 0
_CERTIFICATE_ALERTS = frozenset({42, 43, 44, 45, 46, 48})
"""RFC 8446, 6: bad, unsupported, revoked, expired, unknown certificate; unknown authority."""
_ERRORS = (dpkt.Error, ValueError, IndexError, KeyError, TypeError, AttributeError)


def is_tls(data: bytes) -> bool:
    """Whether a client's first bytes are a record of TLS."""
    return len(data) >= 3 and data[0] == HANDSHAKE and data[1] == 3 and data[2] <= 4  # noqa: PLR2004  RFC 8446, 5.1


def is_record(data: bytes) -> bool:
    """Whether bytes begin with a record other than a handshake: TLS that was recorded from its middle."""
    return len(data) >= 3 and data[0] in {0x14, ALERT, 0x17} and data[1] == 3 and data[2] <= 4  # noqa: PLR2004  RFC 8446, 5.1


def server_name(data: bytes) -> bytes | None:
    """The name in a hello; empty where it names none, None where the hello is not all there."""
    if len(data) < 5 or len(data) < 5 + int.from_bytes(data[3:5]):  # noqa: PLR2004  a record's header
        return None
    body = data[5 : 5 + int.from_bytes(data[3:5])]
    if not body or body[0] != CLIENT_HELLO:
        return b""
    try:
        hello = dpkt.ssl.TLSHandshake(body).data
        extensions = getattr(hello, "extensions", [])
        for kind, value in extensions:
            if kind == SERVER_NAME:
                size = int.from_bytes(value[3:5])
                return bytes(value[5 : 5 + size])
    except _ERRORS:
        return b""
    return b""


def refuses(data: bytes) -> bool:
    """Whether bytes of a client begin with an alert that it does not accept the server's certificate."""
    return len(data) >= 7 and data[0] == ALERT and data[5] == 2 and data[6] in _CERTIFICATE_ALERTS  # noqa: PLR2004  fatal
