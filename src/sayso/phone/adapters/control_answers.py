"""Reads the answers of the control plane. Everything in them is the server's to choose."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from sayso.phone.errors import ProblemError, UnreachableError
from sayso.phone.ports import ResponseT
from sayso.protocol.api import PROBLEM_PREFIX, REPLAY_NONCE, Problem

_NONCE: Final = re.compile(r"[A-Za-z0-9_-]{22,128}", re.ASCII)
_SECONDS: Final = re.compile(r"[0-9]{1,7}", re.ASCII)
_SHOWN_CHARS: Final = 200
_UNREADABLE: Final = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """An answer, whole."""

    status: int
    fields: Mapping[str, str]
    """Names in lower case; of a repeated field the last."""
    body: bytes

    @property
    def nonce(self) -> str | None:
        """The fresh nonce, if there is one that can be used."""
        value = self.fields.get(REPLAY_NONCE.lower(), "")
        return value if _NONCE.fullmatch(value) else None


def read_public(answer: HttpAnswer) -> bytes:
    """Return the content of a success, of whatever type: it is checked by its hash or its signature.

    Raises:
        ProblemError: the server refused.
        UnreachableError: no success, or compressed.
    """
    return _content(answer, media_types=("application/json", "application/octet-stream"))


def read_document(answer: HttpAnswer) -> bytes:
    """Return the JSON of a success, undecoded.

    Raises:
        ProblemError: the server refused.
        UnreachableError: no success, no problem details, or no JSON.
    """
    return _content(answer, media_types=("application/json",))


def _content(answer: HttpAnswer, *, media_types: tuple[str, ...]) -> bytes:
    if "content-encoding" in answer.fields:
        raise UnreachableError("the server sent a compressed answer, which nobody asked for")
    if answer.status >= 400 and _media_type(answer) == "application/problem+json":  # noqa: PLR2004  RFC 9110: an error
        raise _problem(answer)
    if not 200 <= answer.status < 300 or _media_type(answer) not in media_types:  # noqa: PLR2004  RFC 9110: a success
        raise UnreachableError("what answers at the server's address is not a Sayso server; check the address")
    return answer.body


def read_answer(answer: HttpAnswer, kind: type[ResponseT]) -> ResponseT:
    """Decode a success; errors as in `read_document`."""
    document = read_document(answer)
    try:
        return msgspec.json.decode(document, type=kind)
    except _UNREADABLE as error:
        raise UnreachableError("the server's answer cannot be read; it may be of another version") from error


def _problem(answer: HttpAnswer) -> ProblemError | UnreachableError:
    try:
        problem = msgspec.json.decode(answer.body, type=Problem)
    except _UNREADABLE:
        return UnreachableError("the server refused in a way that cannot be read")
    after = answer.fields.get("retry-after", "")
    return ProblemError(
        _shown(problem.type.removeprefix(PROBLEM_PREFIX)),
        _shown(problem.detail),
        retry_after_s=int(after) if _SECONDS.fullmatch(after) else None,
        lock=problem.lock,
    )


def _media_type(answer: HttpAnswer) -> str:
    return answer.fields.get("content-type", "").partition(";")[0].strip().lower()


def _shown(text: str) -> str:
    """Make a server's text fit for a terminal: one line, no control characters, not too long."""
    return "".join(character for character in text if character.isprintable())[:_SHOWN_CHARS]
