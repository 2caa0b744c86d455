"""The report as SARIF 2.1.0 (OASIS), which code scanning services read.

A rule is a type of seed; a result is a finding; its location is the capture file and, as a logical location, host and
place. No seed's value and no evidence stand in it: such files are uploaded to services.
"""

import hashlib
from typing import Any

import msgspec

from sayso.audit.core.findings import Certainty, Finding, Report
from sayso.audit.report.visible import text

VERSION = "2.1.0"
SCHEMA_URI = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Certainty.CERTAIN: "error", Certainty.LIKELY: "error", Certainty.POSSIBLE: "warning", Certainty.HINT: "note"}
NOT_SEEN = "not-seen-into"


def render(report: Report, *, version: str = "") -> bytes:
    """Write a report; `version` is Sayso's."""
    kinds = sorted({one.seed_type for one in report.findings})
    rules = [_rule(f"leak/{kind}", f"A seed of the type {kind} left the phone") for kind in kinds]
    rules.append(_rule(NOT_SEEN, "Traffic that nobody could look into"))
    places = {rule["id"]: number for number, rule in enumerate(rules)}
    driver: dict[str, Any] = {"name": "sayso audit", "rules": rules}
    if version:
        driver["version"] = version
    results = [_result(one, places) for one in report.findings]
    for unseen in report.not_seen_into:
        message = (
            f"{unseen.sent} bytes to {text(unseen.host) or 'an unknown host'} were not seen into: {text(unseen.reason)}"
        )
        results.append(
            {
                "ruleId": NOT_SEEN,
                "ruleIndex": places[NOT_SEEN],
                "level": "note",
                "message": {"text": message},
                "locations": [_location(unseen.file, f"{text(unseen.host)}:{unseen.port}")],
            }
        )
    run = {
        "tool": {"driver": driver},
        "results": results,
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": not report.partial}],
    }
    document = {"$schema": SCHEMA_URI, "version": VERSION, "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"


def _rule(name: str, short: str) -> dict[str, Any]:
    return {"id": name, "shortDescription": {"text": short}}


def _location(file: str, place: str) -> dict[str, Any]:
    uri = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "._-/~") else "_" for sign in file.lstrip("/"))
    return {
        "physicalLocation": {"artifactLocation": {"uri": uri or "unknown"}},
        "logicalLocations": [{"fullyQualifiedName": place}],
    }


def _result(one: Finding, places: dict[str, int]) -> dict[str, Any]:
    rule = f"leak/{one.seed_type}"
    way = "to" if one.direction.value == "sent" else "back from"
    wire = {True: "encrypted", False: "in cleartext", None: "by an unknown transport"}[one.encrypted_on_wire]
    message = (
        f"Seed {text(one.seed)} went {way} {text(one.host) or 'an unknown host'} {wire}, in {one.place.value} "
        f"{text(one.name)} ({text(' > '.join(one.chain))}), {one.certainty.word}"
    )
    print_of = "|".join((one.seed, *one.chain, one.host, one.place.value, one.name, one.path, one.direction.value))
    return {
        "ruleId": rule,
        "ruleIndex": places[rule],
        "level": _LEVELS[one.certainty],
        "message": {"text": message},
        "locations": [_location(one.file, f"{text(one.host)}/{one.place.value}/{text(one.path or one.name)}")],
        "partialFingerprints": {"leak/v1": hashlib.sha256(print_of.encode("utf-8", "backslashreplace")).hexdigest()},
        "occurrenceCount": one.count,
        "properties": {
            "record": one.record,
            "phase": text(one.phase),
            "chain": list(one.chain),
            "direction": one.direction.value,
        },
    }
