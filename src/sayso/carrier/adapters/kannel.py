"""Kannel's `sendsms` interface, read; pure.

After the Kannel user guide, chapter 6 ("Using SMSBox"): parameters in the query (GET), in a form, or as `X-Kannel-*`
headers with the text as body (POST). Answers are Kannel's: 202 `0: Accepted for delivery`, 403 for a wrong password,
400 for what can never be sent, 503 for what can later. `dlr-url`, `dlr-mask`, `smsc`, `validity` and their like are
taken and ignored; binary SMS (`udh`, `coding=1`) are refused, since the simulated network carries texts.
"""

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from sayso.carrier.core.events import Submitted
from sayso.carrier.core.segments import to_gsm7

SENDSMS_PATH: Final = "/cgi-bin/sendsms"
MAX_RECIPIENTS: Final = 50
MAX_PARAMETERS: Final = 50

_GSM7, _BINARY, _UCS2 = "0", "1", "2"
_CODECS: Final = {
    "ascii": "ascii",
    "us-ascii": "ascii",
    "iso-8859-1": "latin-1",
    "latin1": "latin-1",
    "windows-1252": "cp1252",
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "utf-16be": "utf-16-be",
    "ucs-2": "utf-16-be",
}
"""By name only, since Python's table of codecs also holds some that decompress."""
_INTERNATIONAL_DIGITS: Final = re.compile(r"[1-9][0-9]{6,14}", re.ASCII)


class KannelRefusalError(Exception):
    """An answer other than 202; `status` is HTTP's, the message Kannel's body."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Credentials:
    """The one `sendsms-user`."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request whose headers have lower-case names; a name may come more than once, the last one counts."""

    method: str
    target: str = field(repr=False)
    headers: Sequence[tuple[str, bytes]] = field(repr=False)
    body: bytes = field(repr=False)


def read_sendsms(request: HttpRequest, credentials: Credentials) -> Submitted:
    """Return what a request wants sent.

    Raises:
        KannelRefusalError: Wrong path, method or password, or parameters that cannot be.
    """
    path, _, query = request.target.partition("?")
    if path != SENDSMS_PATH:
        raise KannelRefusalError(404, "Unknown request")
    if request.method not in {"GET", "POST"}:
        raise KannelRefusalError(405, "Unknown request")
    parameters = _read_query(query.encode("ascii", "replace"))
    if request.method == "POST":
        parameters |= _read_post(request)
    _authorise(parameters, credentials)
    sender = _text(parameters, "from")
    if not sender:
        raise KannelRefusalError(400, "Sender missing and no global set, rejected")
    return Submitted(sender, _recipients(parameters), _message(parameters))


def _authorise(parameters: Mapping[str, bytes], credentials: Credentials) -> None:
    username = parameters.get("username", parameters.get("user", b""))
    password = parameters.get("password", parameters.get("pass", b""))
    right_name = hmac.compare_digest(username, credentials.username.encode())
    right_password = hmac.compare_digest(password, credentials.password.encode())
    if not (right_name and right_password):
        raise KannelRefusalError(403, "Authorization failed for sendsms")


def _recipients(parameters: Mapping[str, bytes]) -> tuple[str, ...]:
    to = _text(parameters, "to")
    if to is None:
        raise KannelRefusalError(400, "Missing receiver number, rejected")
    numbers = tuple(_international(number) for number in to.split())
    if not numbers:
        raise KannelRefusalError(400, "Empty receiver number not allowed, rejected")
    if len(numbers) > MAX_RECIPIENTS:
        raise KannelRefusalError(400, f"More than {MAX_RECIPIENTS} receivers, rejected")
    return numbers


def _international(number: str) -> str:
    """Give a number its plus back: clients send `00` for it, nothing, or a plus that decoded to a space."""
    digits = number.removeprefix("00")
    return f"+{digits}" if _INTERNATIONAL_DIGITS.fullmatch(digits) else number


def _message(parameters: Mapping[str, bytes]) -> str:
    coding = _text(parameters, "coding") or _GSM7
    if coding == _BINARY or "udh" in parameters:
        raise KannelRefusalError(400, "Binary messages are not supported here, rejected")
    if coding not in {_GSM7, _UCS2}:
        raise KannelRefusalError(400, "Wrong coding, rejected")
    charset = (_text(parameters, "charset") or ("utf-16be" if coding == _UCS2 else "utf-8")).lower()
    if charset not in _CODECS:
        raise KannelRefusalError(400, "Charset or body misformed, rejected")
    if "text" not in parameters:
        raise KannelRefusalError(400, "Missing text, rejected")
    try:
        text = parameters["text"].decode(_CODECS[charset])
    except UnicodeDecodeError:
        raise KannelRefusalError(400, "Charset or body misformed, rejected") from None
    return to_gsm7(text) if coding == _GSM7 else text


def _text(parameters: Mapping[str, bytes], name: str) -> str | None:
    value = parameters.get(name)
    try:
        return None if value is None else value.decode().strip()
    except UnicodeDecodeError:
        raise KannelRefusalError(400, f"Garbage '{name}' field, rejected.") from None


def _read_query(query: bytes) -> dict[str, bytes]:
    # Latin-1 maps every byte to one character and back: the charset of the text is not known yet.
    try:
        pairs = parse_qsl(
            query.decode("latin-1"), keep_blank_values=True, encoding="latin-1", max_num_fields=MAX_PARAMETERS
        )
    except ValueError:
        raise KannelRefusalError(400, "Too many parameters, rejected") from None
    return {name: value.encode("latin-1") for name, value in pairs}


def _read_post(request: HttpRequest) -> dict[str, bytes]:
    headers = dict(request.headers)
    content_type, _, options = headers.get("content-type", b"text/plain").lower().partition(b";")
    if content_type.strip() == b"application/x-www-form-urlencoded":
        parameters = _read_query(request.body)
    else:
        parameters = {"text": request.body}
        name, _, charset = options.strip().partition(b"=")
        if name == b"charset":
            parameters["charset"] = charset.strip(b'" ')
    prefix = "x-kannel-"
    return parameters | {name.removeprefix(prefix): value for name, value in headers.items() if name.startswith(prefix)}
