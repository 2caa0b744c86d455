"""The documented traffic of 2014, replayed: what outsiders found with sharp eyes, the auditor finds by itself."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from sayso.audit import app
from sayso.audit.core import compare, phases, policy
from sayso.audit.core.findings import Report
from sayso.audit.core.seed_types import SeedSet
from tests.fakes import audit_captures as made
from tests.fakes import phone_2014 as phone

FORMS: dict[str, Callable[[Iterable[made.Call]], bytes]] = {"mitm": made.flows, "har": made.har, "pcap": made.packets}


def report(folder: Path, form: str, steps: Callable[[], Iterable[phone.Step]]) -> Report:
    path = folder / f"capture.{form}"
    path.write_bytes(FORMS[form](phone.calls(iter(steps()))))
    marks = phases.parse(phone.phases(iter(steps())).encode())
    scanned = app.scan([path], SeedSet(phone.SEEDS, ()), phases=marks)
    assert scanned.unreadable == ()
    return scanned.report


def told(result: Report) -> set[tuple[str, tuple[str, ...], str]]:
    return {(one.seed, one.chain, one.place.value) for one in result.findings}


def alphabet(value: str) -> str:
    """Which of the two alphabets shows: they differ in two signs."""
    return "base64url[:16]" if set(phone.hashed(value)) & set("-_") else "base64[:16]"


@pytest.mark.parametrize("form", FORMS)
def test_everything_that_the_phone_sent_is_found(tmp_path: Path, form: str) -> None:
    result = report(tmp_path, form, phone.before)
    assert told(result) == {
        ("imei", ("plain",), "cookie"),
        ("imei", (alphabet(phone.IMEI.value), "sha1"), "url"),
        ("imsi", (alphabet(phone.IMSI.value), "sha1"), "url"),
        ("imsi", ("plain",), "body"),
        ("own-number", ("national",), "url"),
        ("own-number", ("national",), "body"),
        ("contact", ("national",), "url"),
        ("correspondent", ("national",), "url"),
    }
    assert {one.host for one in result.findings} == {"api.account.xiaomi.com"}
    assert {one.owner for one in result.findings} == {"Xiaomi"}
    assert {one.encrypted_on_wire for one in result.findings} == {False}
    assert {one.certainty.word for one in result.findings} == {"certain"}
    assert result.decoys.count == len(phone.SEEDS)
    assert result.decoys.found == ()
    assert policy.outcome(result) is policy.Outcome.LEAKS


def test_each_seed_left_in_its_phase(tmp_path: Path) -> None:
    met = {(one.seed, one.phase) for one in report(tmp_path, "mitm", phone.before).findings}
    assert ("imsi", "Wi-Fi on") in met
    assert ("contact", "contact added") in met
    assert {phase for seed, phase in met if seed == "correspondent"} == {"SMS sent", "SMS received"}
    assert ("contact", "Wi-Fi on") not in met


def test_the_update_is_compared(tmp_path: Path) -> None:
    first, second = report(tmp_path, "mitm", phone.before), report(tmp_path, "mitm", phone.after)
    assert told(second) == {
        ("imsi", ("base64", "plain"), "body"),
        ("own-number", ("base64", "national"), "body"),
    }
    assert {one.phase for one in second.findings} == {"cloud login"}
    assert {one.encrypted_on_wire for one in second.findings} == {True}
    change = compare.compare(first, second)
    assert not change.stayed
    assert len(change.appeared) == 2
    assert {one.seed for one in change.vanished} == {"imei", "imsi", "own-number", "contact", "correspondent"}
