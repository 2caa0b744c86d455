"""Every operation of the served OpenAPI document, with what its schema allows and with what it forbids.

Requests are signed by an enrolled device, so that they get past the signature; some are left as they were generated.
Whatever comes in, the answer is documented, has the documented form, and is no fault of the server.
"""

import asyncio
import base64
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, cast

import msgspec
import pytest
import requests
import schemathesis
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from sayso.consent.records import sign_record
from sayso.protocol import api
from sayso.protocol.requests import Request, sign_request
from sayso.server.adapters.control import openapi
from tests.fakes.enrolling_device import EnrollingDevice
from tests.fakes.real_server import RealServer, real_server

pytestmark = pytest.mark.slow

EXAMPLES = 200
LONG = 20
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
BEFORE_THE_BODY = {"bad-nonce", "bad-signature", "media-type"}
"""Problems that say nothing of the body."""
DOCUMENT: dict[str, Any] = json.loads(openapi.document())
OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]


@dataclass
class Served:
    """A server, a device that is enrolled at it, and a connection."""

    server: RealServer
    device: EnrollingDevice
    session: requests.Session
    schema: Any
    nonce: str = "no-nonce-yet-ask-for-one"

    def send(self, case: Case[Any], *, signed: bool) -> requests.Response:
        """Send a case as it would be sent, with the fields that sign it where it is to be signed."""
        prepared = self.session.prepare_request(
            requests.Request(**case.as_transport_kwargs(base_url=self.server.said["http"]))
        )
        if signed:
            prepared.headers.update(self.signature(prepared))
        response = self.session.send(prepared, allow_redirects=False)
        self.nonce = response.headers.get(api.REPLAY_NONCE, self.nonce)
        return response

    def signature(self, prepared: requests.PreparedRequest) -> dict[str, str]:
        body = prepared.body or b""
        assert isinstance(body, bytes | str)
        request = Request(
            method=prepared.method or "",
            authority=self.server.said["http"].partition("//")[2],
            path=prepared.path_url.partition("?")[0],
            body=body.encode() if isinstance(body, str) else body,
        )
        device = self.device
        return sign_request(request, key=device.key, device=device.device, server=device.pinned, nonce=self.nonce)

    def dressed(self, case: Case[Any]) -> Case[Any]:
        """Put this device's own keys and consent into a request to enrol, which is signed by what stands in it."""
        if case.operation.path == api.ENROL_PATH and isinstance(case.body, dict) and "keys" in case.body:
            case.body["keys"] = msgspec.to_builtins(self.device.keys())
            case.body["consent"] = cast("Any", sign_record(self.device.record(), self.device.key))
        return case


def quick(node: Any) -> Any:
    """Have long base64 made from bytes: to make a thousand characters from a pattern takes half a second."""
    match node:
        case {"pattern": str(pattern), "minLength": int(length), **rest} if length > LONG:
            count = length // 4 * 3 - pattern.count("=")
            name = f"bytes-{count}"
            made = st.binary(min_size=count, max_size=count).map(lambda raw: base64.b64encode(raw).decode())
            schemathesis.openapi.format(name, made)
            return {**rest, "minLength": length, "format": name}
        case dict():
            return {name: quick(value) for name, value in node.items()}
        case list():
            return [quick(value) for value in node]
        case _:
            return node


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    stack = AsyncExitStack()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, requests.Session() as session:
        folder = tmp_path_factory.mktemp("served")
        server = runner.run(stack.enter_async_context(real_server(folder)))
        try:
            device = runner.run(server.enrolled("+447700900001"))
            url = server.said["http"] + openapi.SCHEMA_PATH
            schema = schemathesis.openapi.from_dict(quick(session.get(url).json()))
            yield Served(server, device, session, schema)
        finally:
            runner.run(stack.aclose())


def test_the_served_document_is_the_one_that_is_tested(served: Served) -> None:
    assert served.session.get(served.server.said["http"] + openapi.SCHEMA_PATH).json() == DOCUMENT
    assert len(OPERATIONS) >= 18


@pytest.mark.parametrize("mode", list(GenerationMode), ids=[mode.value for mode in GenerationMode])
@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=[f"{method} {path}" for path, method in OPERATIONS])
def test_every_answer_is_documented(served: Served, path: str, method: str, mode: GenerationMode) -> None:
    operation = served.schema[path][method.upper()]
    if mode is GenerationMode.NEGATIVE and not _can_be_wrong(path, method):
        # Nothing in it can be wrong: what remains is a request that nobody described.
        assert served.session.request(method, served.server.said["http"] + path + "?x=1").status_code == 200
        return
    answered: list[int] = []
    problems: set[str] = set()

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy(generation_mode=mode), signed=st.integers(0, 9).map(bool))
    def examine(case: Case[Any], signed: bool) -> None:  # noqa: FBT001  drawn by hypothesis
        response = served.send(served.dressed(case), signed=signed and method == "post")
        answered.append(response.status_code)
        if response.status_code >= 400:
            problems.add(response.json()["type"].removeprefix(api.PROBLEM_PREFIX))
        case.validate_response(response, checks=CHECKS)

    examine()
    statuses = set(answered)
    assert not {status for status in statuses if status >= 500}
    # Of what takes no body there are fewer than that.
    assert len(answered) >= EXAMPLES or method == "get"
    if method == "post" and mode is GenerationMode.POSITIVE:
        # What a waiting newcomer signs, an enrolled device cannot.
        known = statuses & {200, 202} or problems - BEFORE_THE_BODY or path == api.CANCEL_PATH
        assert known, f"nothing got as far as the service: {problems}"


def _can_be_wrong(path: str, method: str) -> bool:
    described = cast("dict[str, Any]", DOCUMENT["paths"][path][method])
    return bool(described.get("requestBody") or described.get("parameters"))
