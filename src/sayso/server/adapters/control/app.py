"""The Litestar application of the control plane."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import structlog
from litestar import HttpMethod, Litestar, Response, get, post, route
from litestar.datastructures import MutableScopeHeaders
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import Message, Scope

from sayso.protocol.api import REPLAY_NONCE, SET_BLOBS_PATH, SETS_PATH, STATEMENT_PATH, Empty, ProblemType
from sayso.protocol.ids import DeviceId, EnrolmentId
from sayso.protocol.limits import LIMITS
from sayso.server.adapters.control import bodies, openapi, operations
from sayso.server.adapters.control.answers import JSON, answer, problem
from sayso.server.adapters.control.operations import Operation
from sayso.server.adapters.control.sets import names, set_routes
from sayso.server.adapters.control.signed import HttpRequest, Signatures, SignedRequest
from sayso.server.directory_port import DirectoryStore
from sayso.server.errors import Refused, ServerError
from sayso.server.services.background import Background
from sayso.server.services.discovery import Discovery
from sayso.server.services.enrolled_set import EnrolledSet
from sayso.server.services.epochs import Epochs
from sayso.server.services.erasure import Withdrawals
from sayso.server.services.identity import ServerIdentity
from sayso.server.services.key_desk import KeyDesk
from sayso.server.services.lines import Lines
from sayso.server.services.lock import RegistrationLock
from sayso.server.services.registrar import Registrar

_LOG: Final = structlog.get_logger()
_STATEMENT_CACHE: Final = "public, max-age=300, no-transform"
_RETRY_S: Final = 5
_WITHOUT_NONCE: Final = frozenset({STATEMENT_PATH, SETS_PATH, openapi.SCHEMA_PATH})

Answering = Callable[[SignedRequest], Awaitable[Response[bytes]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlServices:
    """What the control plane serves."""

    identity: ServerIdentity
    signatures: Signatures
    directory: DirectoryStore
    """To find the key that a signature is checked with."""
    registrar: Registrar
    keys: KeyDesk
    lock: RegistrationLock
    lines: Lines
    epochs: Epochs
    discovery: Discovery
    sets: EnrolledSet
    withdrawals: Withdrawals
    background: Background
    warm_up: Callable[[], Awaitable[None]] | None
    """What is done once in the background when serving begins."""
    running: Callable[[], float]


def control_app(services: ControlServices) -> Litestar:
    """Make the application. It logs no request, keeps no session, sets no cookie."""
    desk = _Desk(services)
    fresh_nonce = services.signatures.fresh_nonce

    async def common_fields(message: Message, scope: Scope) -> None:
        if message["type"] == "http.response.start":
            fields = MutableScopeHeaders.from_message(message)
            fields["X-Content-Type-Options"] = "nosniff"
            if scope["path"].startswith(f"{SET_BLOBS_PATH}/"):
                fields.setdefault("Cache-Control", "no-store")
            elif scope["path"] not in _WITHOUT_NONCE:
                fields[REPLAY_NONCE] = fresh_nonce()
                fields["Cache-Control"] = "no-store"

    @asynccontextmanager
    async def background(_app: Litestar) -> AsyncIterator[None]:
        async with services.background.running():
            if services.warm_up is not None:
                services.background.start("warm up", services.warm_up)
            yield

    return Litestar(
        [
            _statement_route(services.identity),
            *set_routes(services.sets),
            _schema_route(),
            *(_signed_route(one, desk.answering(one), services.signatures) for one in operations.SIGNED),
        ],
        before_send=[common_fields],
        lifespan=[background],
        exception_handlers={
            Refused: _refused,
            ServerError: _unavailable,
            HTTPException: _http_error,
            Exception: _internal,
        },
        request_max_body_size=LIMITS.request_bytes,
        openapi_config=None,
        logging_config=None,
        debug=False,
        pdb_on_exception=False,
    )


class _Desk:
    """Checks who a request is from, with the key that fits the path, and calls the service."""

    def __init__(self, services: ControlServices) -> None:
        self._services = services
        self._answering: dict[str, Answering] = {
            operations.ENROL.path: self._enrol,
            operations.CONFIRM.path: self._confirm,
            operations.TRY_PIN.path: self._try_pin,
            operations.CANCEL.path: self._cancel,
            operations.PUBLISH.path: self._publish,
            operations.CLAIM.path: self._claim,
            operations.EVALUATE.path: self._evaluate,
            operations.CERTIFICATE.path: self._renew,
            operations.MOVE_EPOCH.path: self._move_epoch,
            operations.GRANT.path: self._set_grant,
            operations.EVALUATE_PIN.path: self._evaluate_pin,
            operations.PIN.path: self._set_pin,
            operations.REFUSE.path: self._refuse,
            operations.DELAY.path: self._delay,
            operations.CONSENT.path: self._agree_anew,
            operations.WITHDRAW.path: self._withdraw,
            operations.ME.path: self._holdings,
        }

    def answering(self, operation: Operation) -> Answering:
        """Return what answers an operation."""
        return self._answering[operation.path]

    async def _enrol(self, signed: SignedRequest) -> Response[bytes]:
        body = bodies.ENROL.read(signed.body)
        signed.verify(body.keys.ed25519 if body.keys.device == signed.device else None)
        pending = self._services.registrar.enrol(body, nonce=signed.nonce)
        return answer(pending, status=operations.ENROL.status)

    async def _confirm(self, signed: SignedRequest) -> Response[bytes]:
        body = bodies.CONFIRM.read(signed.body)
        await self._pending(signed, body.id)
        return answer(await self._services.registrar.confirm(body, signed.device))

    async def _try_pin(self, signed: SignedRequest) -> Response[bytes]:
        body = bodies.TRY_PIN.read(signed.body)
        await self._pending(signed, body.id)
        return answer(await self._services.lock.try_pin(body, signed.device))

    async def _pending(self, signed: SignedRequest, enrolment: bytes) -> None:
        """Check the signature against the key of the device whose number is being verified."""
        pending = await self._services.registrar.pending(EnrolmentId(enrolment))
        signed.verify(pending.keys.ed25519 if pending.keys.device == signed.device else None)

    async def _cancel(self, signed: SignedRequest) -> Response[bytes]:
        ed25519 = await self._services.lock.newcomer_key(signed.device)
        signed.verify(ed25519)
        bodies.EMPTY.read(signed.body)
        if ed25519 is not None:
            await self._services.lock.cancel(signed.device, ed25519)
        return answer(Empty())

    async def _evaluate_pin(self, signed: SignedRequest) -> Response[bytes]:
        await self._enrolled(signed)
        body = bodies.EVALUATE_PIN.read(signed.body)
        return answer(await self._services.lock.evaluate_own(body, signed.device))

    async def _set_pin(self, signed: SignedRequest) -> Response[bytes]:
        await self._enrolled(signed)
        await self._services.lock.set_pin(bodies.SET_PIN.read(signed.body), signed.device)
        return answer(Empty())

    async def _refuse(self, signed: SignedRequest) -> Response[bytes]:
        await self._enrolled(signed)
        return answer(await self._services.lock.refuse(bodies.REFUSE.read(signed.body), signed.device))

    async def _delay(self, signed: SignedRequest) -> Response[bytes]:
        await self._enrolled(signed)
        return answer(await self._services.lock.delay(bodies.DELAY.read(signed.body), signed.device))

    async def _publish(self, signed: SignedRequest) -> Response[bytes]:
        ed25519 = await self._enrolled(signed)
        body = bodies.PUBLISH.read(signed.body)
        return answer(await self._services.keys.publish(body, device=signed.device, ed25519=ed25519))

    async def _claim(self, signed: SignedRequest) -> Response[bytes]:
        await self._enrolled(signed)
        return answer(await self._services.keys.claim(bodies.CLAIM.read(signed.body), device=signed.device))

    async def _evaluate(self, signed: SignedRequest) -> Response[bytes]:
        await self._enrolled(signed)
        body = bodies.EVALUATE.read(signed.body)
        return answer(await self._services.discovery.evaluate(body, device=DeviceId(signed.device)))

    async def _renew(self, signed: SignedRequest) -> Response[bytes]:
        await self._enrolled(signed)
        bodies.EMPTY.read(signed.body)
        return answer(await self._services.lines.renew(signed.device))

    async def _move_epoch(self, signed: SignedRequest) -> Response[bytes]:
        await self._enrolled(signed)
        body = bodies.MOVE_EPOCH.read(signed.body)
        return answer(await self._services.epochs.move(body, device=signed.device, nonce=signed.nonce))

    async def _set_grant(self, signed: SignedRequest) -> Response[bytes]:
        await self._enrolled(signed)
        await self._services.lines.set_grant(bodies.SET_GRANT.read(signed.body), device=signed.device)
        return answer(Empty())

    async def _agree_anew(self, signed: SignedRequest) -> Response[bytes]:
        ed25519 = await self._enrolled(signed)
        body = bodies.CONSENT.read(signed.body)
        return answer(await self._services.lines.agree_anew(body, device=signed.device, ed25519=ed25519))

    async def _withdraw(self, signed: SignedRequest) -> Response[bytes]:
        ed25519 = await self._enrolled(signed, or_departed=True)
        body = bodies.WITHDRAW.read(signed.body)
        return answer(await self._services.withdrawals.withdraw(body, device=signed.device, ed25519=ed25519))

    async def _holdings(self, signed: SignedRequest) -> Response[bytes]:
        await self._enrolled(signed)
        bodies.EMPTY.read(signed.body)
        return answer(await self._services.lines.holdings(signed.device))

    async def _enrolled(self, signed: SignedRequest, *, or_departed: bool = False) -> bytes:
        """Check the signature against the device's key in the directory, and return that key."""
        device = DeviceId(signed.device)
        enrolment = await self._services.directory.enrolment(device)
        departed = await self._services.directory.departed(device, now=self._services.running())
        if enrolment is not None:
            signed.verify(enrolment.keys.ed25519)
            return enrolment.keys.ed25519
        signed.verify(None if departed is None else departed.ed25519)
        if departed is None or not or_departed:
            raise Refused(ProblemType.NOT_ENROLLED, "This device is not enrolled.")
        return departed.ed25519


def _signed_route(operation: Operation, answering: Answering, signatures: Signatures) -> HTTPRouteHandler:
    @post(operation.path, name=operation.name, status_code=operation.status, media_type=JSON)
    async def handler(request: HttpRequest) -> Response[bytes]:
        return await answering(await signatures.read(request))

    return handler


def _statement_route(identity: ServerIdentity) -> HTTPRouteHandler:
    @route(STATEMENT_PATH, http_method=[HttpMethod.GET, HttpMethod.HEAD], name="statement", media_type=JSON)
    async def handler(request: HttpRequest) -> Response[bytes]:
        statement = identity.statement
        # Strong, and the content's own hash: a validator that can mark nobody (design.md §5.0).
        tag = hashlib.sha256(statement).hexdigest()
        fields = {"ETag": f'"{tag}"', "Cache-Control": _STATEMENT_CACHE}
        if names(request, tag):
            return Response(b"", status_code=304, headers=fields, media_type=JSON)
        return Response(statement, headers=fields, media_type=JSON)

    return handler


def _schema_route() -> HTTPRouteHandler:
    schema = openapi.document()

    @get(openapi.SCHEMA_PATH, name="schema", media_type=JSON)
    async def handler() -> Response[bytes]:
        return Response(schema, headers={"Cache-Control": "public, max-age=300"}, media_type=JSON)

    return handler


def _refused(_request: HttpRequest, error: Refused) -> Response[bytes]:
    return problem(error)


def _unavailable(_request: HttpRequest, error: ServerError) -> Response[bytes]:
    _LOG.error("request not served", error=type(error).__name__)
    return problem(Refused(ProblemType.UNAVAILABLE, "Try again in a moment.", retry_after_s=_RETRY_S))


def _http_error(request: HttpRequest, error: HTTPException) -> Response[bytes]:
    """Turn what Litestar itself refuses into a problem, without its detail, which could repeat the request."""
    match error.status_code:
        case 404:
            return problem(Refused(ProblemType.NOT_FOUND, "There is nothing here."))
        case 405:
            allowed = (error.headers or {}).get("allow", "")
            fields = {"Allow": ", ".join(one for one in allowed.split(", ") if one != "OPTIONS")}
            return problem(Refused(ProblemType.METHOD, "Use the method that Allow names."), fields=fields)
        case 413:
            detail = f"A body has at most {LIMITS.request_bytes} bytes."
            return problem(Refused(ProblemType.TOO_LARGE, detail), fields={"Connection": "close"})
        case 400:
            return problem(Refused(ProblemType.MALFORMED, "The request cannot be read."))
        case _:
            return _internal(request, error)


def _internal(_request: HttpRequest, error: Exception) -> Response[bytes]:
    # The kind only: message and traceback could hold what was sent.
    _LOG.error("request broke", error=type(error).__name__)
    return problem(Refused(ProblemType.INTERNAL, "The server made a mistake; it has been logged."))
