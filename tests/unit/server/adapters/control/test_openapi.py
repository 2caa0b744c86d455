"""The OpenAPI document says what is enforced."""

import base64
import re
from typing import Any

import msgspec

from sayso.protocol import api
from sayso.server.adapters.control.answers import PROBLEMS
from sayso.server.adapters.control.openapi import document
from sayso.server.adapters.control.operations import EVERY_SIGNED, SIGNED

DOCUMENT: dict[str, Any] = msgspec.json.decode(document())
SCHEMAS = DOCUMENT["components"]["schemas"]


def test_every_operation_says_how_it_is_signed_and_how_it_can_fail() -> None:
    for operation in SIGNED:
        described = DOCUMENT["paths"][operation.path]["post"]
        assert described["operationId"] == operation.name
        assert described["requestBody"]["required"] is True
        fields = [one["$ref"].rpartition("/")[2] for one in described["parameters"]]
        assert fields == ["Signature-Input", "Signature", "Content-Digest", "Sayso-Server"]
        statuses = {str(PROBLEMS[problem][0]) for problem in (*EVERY_SIGNED, *operation.problems)}
        assert set(described["responses"]) == {str(operation.status), *statuses}
        assert {"405", "413", "415", "500", "503"} <= statuses


def test_bytes_are_base64_with_their_lengths_inside_lists_too() -> None:
    element = dict(SCHEMAS["Evaluate"]["properties"]["elements"]["items"])
    pattern = element.pop("pattern")
    assert element == {"type": "string", "contentEncoding": "base64", "minLength": 44, "maxLength": 44}
    assert re.search(pattern, base64.b64encode(bytes(32)).decode())
    assert not re.search(pattern, base64.b64encode(bytes(31)).decode())
    assert SCHEMAS["SetGrant"]["properties"]["grant_hash"]["minLength"] == 44


def test_what_clients_send_has_no_room_for_more() -> None:
    for operation in SIGNED:
        assert SCHEMAS[operation.body.__name__]["additionalProperties"] is False


def test_patterns_are_of_the_dialect_of_json_schema() -> None:
    pattern = SCHEMAS["Confirm"]["properties"]["code"]["pattern"]
    assert pattern == "^[0-9]{6}$"
    assert "\\\\Z" not in document().decode()


def test_every_reference_leads_somewhere() -> None:
    for reference in set(re.findall(r'"\$ref":"#/([^"]+)"', document().decode())):
        node: Any = DOCUMENT
        for step in reference.split("/"):
            node = node[step]
        assert node


def test_the_statement_brings_no_nonce() -> None:
    described = DOCUMENT["paths"][api.STATEMENT_PATH]["get"]
    assert all("headers" not in one or "Replay-Nonce" not in one["headers"] for one in described["responses"].values())
    assert "parameters" not in described
