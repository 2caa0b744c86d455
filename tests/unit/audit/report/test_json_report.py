"""The report as JSON."""

import json
from dataclasses import replace

import pytest

from sayso.audit.core.model import NotSeen
from sayso.audit.errors import ReportError
from sayso.audit.report import json_report
from tests.fakes.audit_world import PEER, exchange, scanner


def written() -> bytes:
    made = scanner()
    made.feed(exchange(b"a=490154203237518&b=\xff\x00", time=5.0))
    made.feed(NotSeen(1, None, PEER, "tls", "TLS without its keys", 1, 2))
    return json_report.render(made.report())


def test_what_the_issue_of_it_promises() -> None:
    document = json.loads(written())
    finding = document["findings"][0]
    assert {
        "seed",
        "chain",
        "file",
        "record",
        "host",
        "place",
        "direction",
        "phase",
        "certainty",
        "encrypted_on_wire",
    } <= set(finding)
    assert finding["seed"] == "imei"
    assert finding["chain"] == ["plain"]
    assert finding["record"] == 0
    assert finding["evidence"]["match"] == "490154203237518"
    assert document["not_seen_into"][0]["sent"] == 1
    assert document["decoys"] == {"count": 0, "found": []}
    assert {"bytes", "seconds"} <= set(document["stats"])


def test_it_is_read_back() -> None:
    report = json_report.read(written())
    assert json_report.render(report) == written()
    assert replace(report, partial=True) != report


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"schema":"other/1"}', b"\xff", written().replace(b"report/1", b"report/9")]
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(ReportError, match="no report of"):
        json_report.read(data)


def test_the_schema_names_every_field() -> None:
    schema = json_report.schema()
    properties = schema["$defs"]["FindingEntry"]["properties"]
    assert set(json.loads(written())["findings"][0]) == set(properties)
