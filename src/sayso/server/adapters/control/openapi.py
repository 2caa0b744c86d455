"""The OpenAPI 3.1 document of the control plane, made from the table of operations.

The schemas come from msgspec, which decodes the bodies, so they say what is enforced: bytes as base64 with their
lengths, bounds inside lists too. Litestar's own generator gets both wrong (libraries.md F6), and its pages load scripts
from other servers; here is one JSON document and no page.
"""

from http import HTTPStatus
from typing import Final

import msgspec
from msgspec import Struct

from sayso.protocol.api import PROBLEM_PREFIX, REPLAY_NONCE, SETS_PATH, STATEMENT_PATH, Problem, ProblemType
from sayso.protocol.set_manifest import SignedManifest
from sayso.protocol.statement import Signed
from sayso.server.adapters.control.answers import JSON, PROBLEM_JSON, PROBLEMS
from sayso.server.adapters.control.operations import EVERY, EVERY_SIGNED, SIGNED, Operation
from sayso.server.adapters.control.sets import BLOB_PATH, OCTETS

SCHEMA_PATH: Final = "/schema/openapi.json"
_VERSION: Final = "1"
"""Of the interface: the 1 in its paths."""
_BASE64: Final = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$"
"""Of any length; fields of a fixed length bring a pattern of their own (`protocol.ids.exactly`)."""
_TEMPLATE: Final = "#/components/schemas/{name}"
_SIGNATURE_FIELDS: Final = ("Signature-Input", "Signature", "Content-Digest", "Sayso-Server")

Json = dict[str, object]


def document() -> bytes:
    """Return the document as JSON."""
    kinds: set[type[Struct]] = {
        Problem,
        Signed,
        SignedManifest,
        *(one.body for one in SIGNED),
        *(one.answer for one in SIGNED),
    }
    structs = sorted(kinds, key=lambda one: one.__name__)
    _, schemas = msgspec.json.schema_components(structs, schema_hook=_any_json, ref_template=_TEMPLATE)
    paths: Json = {
        STATEMENT_PATH: {"get": _statement()},
        SETS_PATH: {"get": _set_manifest()},
        BLOB_PATH.replace(":str", ""): {"get": _set_blob()},
    }
    paths |= {one.path: {"post": _operation(one)} for one in SIGNED}
    whole = {
        "openapi": "3.1.0",
        "info": {"title": "Sayso control plane", "version": _VERSION, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": _portable(schemas),
            "headers": {
                "ReplayNonce": {
                    "description": "Nonce for the next signed request (RFC 8555, section 6.5).",
                    "required": True,
                    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{22,128}$"},
                },
                "RetryAfter": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}},
            },
            "parameters": {name: _field(name) for name in _SIGNATURE_FIELDS},
        },
    }
    return msgspec.json.encode(whole)


def _operation(one: Operation) -> Json:
    problems = _by_status((*EVERY_SIGNED, *one.problems))
    answers: Json = {str(one.status): _response(one.summary, JSON, one.answer.__name__, nonce=True)}
    answers |= {str(status): _problem(types, nonce=True) for status, types in problems.items()}
    return {
        "operationId": one.name,
        "summary": one.summary,
        "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in _SIGNATURE_FIELDS],
        "requestBody": {"required": True, "content": {JSON: {"schema": _reference(one.body.__name__)}}},
        "responses": answers,
    }


def _statement() -> Json:
    answers: Json = {
        "200": _response("The signed statement.", JSON, Signed.__name__, nonce=False),
        "304": {"description": "The statement that If-None-Match names is the current one."},
    }
    answers |= {str(status): _problem(types, nonce=False) for status, types in _by_status(EVERY).items()}
    return {
        "operationId": "statement",
        "summary": "The server's signed description of itself.",
        "responses": answers,
    }


def _set_manifest() -> Json:
    answers: Json = {
        "200": _response("The signed manifest.", JSON, SignedManifest.__name__, nonce=False),
        "304": {"description": "The manifest that If-None-Match names is the current one."},
    }
    answers |= {str(status): _problem(types, nonce=False) for status, types in _by_status(EVERY).items()}
    return {"operationId": "sets", "summary": "Which shards make up the enrolled set.", "responses": answers}


def _set_blob() -> Json:
    answers: Json = {
        "200": {
            "description": "A shard or a change of the enrolled set; it never changes.",
            "content": {OCTETS: {"schema": {}}},
        },
        "304": {"description": "If-None-Match names it."},
    }
    problems = _by_status((ProblemType.NOT_FOUND, *EVERY))
    answers |= {str(status): _problem(types, nonce=False) for status, types in problems.items()}
    name = {"description": "SHA-256 of the content, hex.", "type": "string", "pattern": "^[0-9a-f]{64}$"}
    return {
        "operationId": "setBlob",
        "summary": "A piece of the enrolled set, by its hash.",
        "parameters": [{"name": "sha256", "in": "path", "required": True, "schema": name}],
        "responses": answers,
    }


def _by_status(types: tuple[ProblemType, ...]) -> dict[int, list[ProblemType]]:
    found: dict[int, list[ProblemType]] = {}
    for one in types:
        found.setdefault(PROBLEMS[one][0], []).append(one)
    return found


def _problem(types: list[ProblemType], *, nonce: bool) -> Json:
    status = PROBLEMS[types[0]][0]
    text = f"{HTTPStatus(status).phrase}: " + ", ".join(PROBLEM_PREFIX + one for one in types)
    response = _response(text, PROBLEM_JSON, Problem.__name__, nonce=nonce)
    if ProblemType.LIMIT in types or ProblemType.UNAVAILABLE in types:
        fields = response.setdefault("headers", {})
        assert isinstance(fields, dict)  # noqa: S101  for mypy: made three lines above
        fields["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
    return response


def _response(description: str, media_type: str, schema: str, *, nonce: bool) -> Json:
    response: Json = {"description": description, "content": {media_type: {"schema": _reference(schema)}}}
    if nonce:
        response["headers"] = {REPLAY_NONCE: {"$ref": "#/components/headers/ReplayNonce"}}
    return response


def _reference(name: str) -> Json:
    return {"$ref": _TEMPLATE.format(name=name)}


def _field(name: str) -> Json:
    return {"name": name, "in": "header", "required": True, "schema": {"type": "string"}}


def _any_json(kind: type) -> Json:
    if kind is object:
        return {"description": "Any JSON value."}
    raise NotImplementedError


def _portable(node: object) -> object:
    r"""Write `$` for Python's `\Z`, which ECMA-262, the dialect of JSON Schema, does not have; say what base64 is."""
    match node:
        case {"contentEncoding": "base64", "pattern": _}:
            return node
        case {"contentEncoding": "base64", **rest}:
            return {"contentEncoding": "base64", "pattern": _BASE64, **rest}
        case dict():
            return {name: _portable(value) for name, value in node.items()}
        case list():
            return [_portable(value) for value in node]
        case str() if node.endswith(r"\Z"):
            return node.removesuffix(r"\Z") + "$"
        case _:
            return node
