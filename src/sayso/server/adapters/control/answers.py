"""Answers: what Litestar is given to send. A problem says what to do, and repeats nothing of the request."""

from typing import Final

import msgspec
from litestar import Response

from sayso.protocol.api import PROBLEM_PREFIX, Problem, ProblemType
from sayso.server.errors import Refused

JSON: Final = "application/json"
PROBLEM_JSON: Final = "application/problem+json"

PROBLEMS: Final[dict[ProblemType, tuple[int, str]]] = {
    ProblemType.MALFORMED: (400, "Malformed request"),
    ProblemType.BAD_NONCE: (400, "Nonce missing, used or too old"),
    ProblemType.BAD_SIGNATURE: (401, "Signature does not fit"),
    ProblemType.NOT_ENROLLED: (401, "Not enrolled"),
    ProblemType.CODE: (403, "Code refused"),
    ProblemType.PIN: (403, "PIN refused"),
    ProblemType.NOT_FOUND: (404, "No such path"),
    ProblemType.METHOD: (405, "Method not allowed"),
    ProblemType.POLICY: (409, "Another policy"),
    ProblemType.EPOCH: (409, "Another epoch or key"),
    ProblemType.TOO_LARGE: (413, "Body too large"),
    ProblemType.MEDIA_TYPE: (415, "Not application/json"),
    ProblemType.LOCKED: (423, "Number locked"),
    ProblemType.LIMIT: (429, "Limit reached"),
    ProblemType.INTERNAL: (500, "Internal error"),
    ProblemType.UNAVAILABLE: (503, "Not available now"),
}
"""HTTP status and title of each type."""


def answer(body: bytes | msgspec.Struct, *, status: int = 200) -> Response[bytes]:
    """Answer with JSON."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Response(raw, status_code=status, media_type=JSON)


def problem(refused: Refused, *, fields: dict[str, str] | None = None) -> Response[bytes]:
    """Answer with a problem (RFC 9457)."""
    status, title = PROBLEMS[refused.problem]
    kind = PROBLEM_PREFIX + refused.problem
    body = Problem(type=kind, title=title, status=status, detail=refused.detail, lock=refused.lock)
    fields = dict(fields or {})
    if refused.retry_after_s is not None:
        fields["Retry-After"] = str(refused.retry_after_s)
    return Response(msgspec.json.encode(body), status_code=status, media_type=PROBLEM_JSON, headers=fields)
