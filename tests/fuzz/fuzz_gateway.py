"""Requests for an SMS as the carrier's gateway reads them: an SMS, or Kannel's refusal; nothing else.

An input is method, target and headers, a line each, then an empty line and the body.
"""

import contextlib
from typing import Final

from sayso.carrier.adapters.kannel import SENDSMS_PATH, Credentials, HttpRequest, KannelRefusalError, read_sendsms

_CREDENTIALS: Final = Credentials("sayso", "secret")
_WHO: Final = b"username=sayso&password=secret&from=Sayso"


def fuzz_one(data: bytes) -> None:
    """Read what comes as a request."""
    head, _, body = data.partition(b"\n\n")
    start, *lines = head.split(b"\n")
    method, _, target = start.decode("latin-1").partition(" ")
    headers = [(name.decode("latin-1").lower(), value) for name, _, value in (line.partition(b": ") for line in lines)]
    with contextlib.suppress(KannelRefusalError):
        read_sendsms(HttpRequest(method, target, headers, body), _CREDENTIALS)


def seeds() -> list[bytes]:
    """By GET, by a form, and by headers; each coding."""
    path = SENDSMS_PATH.encode()
    get = b"GET " + path + b"?" + _WHO
    form = b"\ncontent-type: application/x-www-form-urlencoded\n\n"
    return [
        get + b"&to=%2B447700900001&text=hello+%E2%82%AC&charset=utf-8&coding=0",
        get + b"&to=00447700900001+447700900002&text=%00h%00i&coding=2",
        get + b"&to=+447700900001&text=caf%E9&charset=windows-1252&dlr-mask=19&dlr-url=http%3A%2F%2F127.0.0.1",
        get + b"&to=447700900001&text=h&udh=050003&coding=1",
        b"POST " + path + form + _WHO + b"&to=447700900001&text=hello",
        b"POST "
        + path
        + b"\ncontent-type: text/plain; charset=utf-8\nx-kannel-username: sayso\nx-kannel-password: secret"
        + b"\nx-kannel-from: Sayso\nx-kannel-to: 447700900001\n\nhello",
    ]
