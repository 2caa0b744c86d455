"""Real traffic that others labelled. It may not lie in the repository: found beside the clone, or by a variable."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from sayso.audit import app
from sayso.audit.core import fresh
from sayso.audit.core.findings import Finding, Report
from sayso.audit.core.seed_types import Seed, SeedSet, SeedType, check
from tests.accounting import not_tested

ROOT = Path(__file__).resolve().parents[3]
DIGESTS = {"md5", "sha1", "sha256"}


def folder() -> Path:
    given = os.environ.get("SAYSO_AUDIT_DATA")
    beside = [above / "shared" / "audit-data" for above in (ROOT.parent, ROOT.parent.parent)]
    for place in [Path(given)] if given else beside:
        if (place / "fukuda_dev.har").exists():
            return place
    return not_tested("the labelled captures are not on this machine (SAYSO_AUDIT_DATA names their folder)")


@pytest.fixture(scope="module")
def data() -> Path:
    return folder()


@pytest.fixture(scope="module")
def report(data: Path) -> Report:
    raw: dict[str, list[str]] = json.loads((data / "fukuda_seeds.json").read_text())
    emails = [check(Seed(f"email-{at}", SeedType.EMAIL, value)) for at, value in enumerate(raw["email"])]
    names = [
        check(Seed(f"{kind}-{at}", SeedType.FREE, value))
        for kind in ("first_name", "last_name")
        for at, value in enumerate(raw[kind])
    ]
    decoys = fresh.decoys_for(emails, Random(7), each=334)
    return app.scan([data / "fukuda_dev.har"], SeedSet((*emails, *names), decoys)).report


def steps(chain: Iterable[str]) -> list[str]:
    """A chain without what a step says beside its name."""
    return [step.partition("[")[0].partition(".")[0] for step in chain]


def agrees(label: str, chains: list[list[str]]) -> bool:
    """The table that docs/reference/audit-encodings.md shows."""
    if label == "plaintext":
        return any(not set(chain) & {*DIGESTS, "base64", "base64url"} for chain in chains)
    if label == "base64":
        return any(set(chain) & {"base64", "base64url"} and not set(chain) & DIGESTS for chain in chains)
    if label == "sha256ofmd5":
        return any(chain[-2:] == ["sha256", "md5"] for chain in chains)
    if label == "base64ofsha1":
        return any(chain[0] in {"base64", "base64url"} and chain[-1] == "sha1" for chain in chains)
    return any(chain[-1] == label for chain in chains)


def test_every_labelled_row_has_its_chain(data: Path, report: Report) -> None:
    entries = json.loads((data / "fukuda_dev.har").read_text())["log"]["entries"]
    records = {entry["comment"]: at for at, entry in enumerate(entries)}
    found: dict[int, list[Finding]] = {}
    for one in report.findings:
        found.setdefault(one.record, []).append(one)
    labels: list[dict[str, Any]] = [
        json.loads(line) for line in (data / "fukuda_dev.labels.jsonl").read_text().splitlines()
    ]
    missed = [
        label
        for label in labels
        for kind in label["encoding"].split("_")
        if not agrees(kind, [steps(one.chain) for one in found.get(records[f"row {label['row']}"], [])])
    ]
    assert missed == []
    assert len(labels) == 725


def test_no_decoy_is_met(report: Report) -> None:
    assert report.decoys.count > 1_000
    assert report.decoys.found == ()


@pytest.mark.parametrize("name", ["android.pcap", "waze.pcap"])
def test_others_traffic_holds_none_of_ours_and_is_not_called_clean(data: Path, name: str) -> None:
    seeds, decoys = fresh.new_set(Random(11), decoys=3)
    result = app.scan([data / "negative" / name], SeedSet(seeds, decoys)).report
    assert result.findings == ()
    assert result.decoys.found == ()
    assert result.not_seen_into


def test_a_key_log_opens_tls(data: Path) -> None:
    seed = check(Seed("path", SeedType.FREE, "heise-jobs-module-desktop-top-left"))
    options = app.Options(keylog=data / "formats" / "keylog.txt")
    capture = data / "formats" / "tls-1.2-stream-keylog.pcap"
    opened = app.scan([capture], SeedSet((seed,), ()), options=options).report
    assert {(one.host, one.encrypted_on_wire, one.place.value) for one in opened.findings} >= {
        ("www.heise.de", True, "url")
    }
    closed = app.scan([capture], SeedSet((seed,), ())).report
    assert closed.findings == ()
    assert closed.not_seen_into[0].reason == "TLS without its keys"


@pytest.mark.parametrize(
    "name",
    ["corrupted_gzip_body.har", "corrupted_gzip_body.mitm", "dumpfile-19.mitm", "hf_chrome.har", "hf_with-bom.har"],
)
def test_files_of_other_tools_are_read(data: Path, name: str) -> None:
    seed = check(Seed("none", SeedType.FREE, "qzvhtrkw5830"))
    scanned = app.scan([data / "formats" / name], SeedSet((seed,), ()))
    assert scanned.unreadable == ()
    assert scanned.report.stats.exchanges > 0
    assert not scanned.report.partial
