"""The report as SARIF 2.1.0."""

import json

from sayso.audit.core.model import NotSeen
from sayso.audit.report import sarif
from tests.fakes.audit_world import PEER, exchange, scanner

VALUE = "490154203237518"


def run() -> dict[str, object]:
    made = scanner()
    made.begin("/captures/a b.har")
    made.feed(exchange(b"a=490154203237518"))
    made.feed(NotSeen(1, None, PEER, "tls", "TLS without its keys", 1, 2))
    document = json.loads(sarif.render(made.report(), version="1.0"))
    assert document["version"] == "2.1.0"
    first: dict[str, object] = document["runs"][0]
    return first


def test_results_point_at_their_rules() -> None:
    document = json.loads(json.dumps(run()))
    rules = [rule["id"] for rule in document["tool"]["driver"]["rules"]]
    assert rules == ["leak/imei", "not-seen-into"]
    assert [(rules[one["ruleIndex"]], one["level"]) for one in document["results"]] == [
        ("leak/imei", "error"),
        ("not-seen-into", "note"),
    ]
    assert document["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "captures/a_b.har"


def test_no_value_of_a_seed_is_uploaded() -> None:
    assert VALUE not in json.dumps(run())
