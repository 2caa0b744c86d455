"""August 2014 as a test: what left before, what leaves after, on packets."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.accounting import not_tested

pytestmark = [pytest.mark.slow, pytest.mark.serial]
MUST_LEAK = {"IMEI", "IMSI", "own number", "contact's number", "carrier"}


def test_the_story_is_true(tmp_path: Path) -> None:
    for tool in ("unshare", "nsenter", "ip", "tshark"):
        if shutil.which(tool) is None:
            not_tested(f"{tool} is missing: apt-get install util-linux iproute2 tshark")
    how = ["unshare", *([] if os.geteuid() == 0 else ["-Ur"]), "--net", "--mount", "true"]
    if subprocess.run(how, capture_output=True, check=False, timeout=20).returncode != 0:
        not_tested("this kernel gives no network namespaces to this user; run as root")
    page, data = tmp_path / "story.html", tmp_path / "data"
    words = [sys.executable, "-m", "sayso", "demo", "story", "--json", "--report", str(page), "--data", str(data)]
    done = subprocess.run(words, capture_output=True, check=False, timeout=400)
    assert done.returncode == 0, (done.stdout.decode()[-2000:], done.stderr.decode()[-4000:])
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    told = lines[-1]
    assert set(told["leaked_before"]) >= MUST_LEAK
    assert told["leaked_by_the_update"] == []
    assert told["packets_after_the_update"] == 0
    assert told["seeds_in_the_cloud"] == []
    assert told["exchanges_in_the_cloud"] > 10
    assert told["packets_after_no"] == 0
    assert set(told["server_holds"].values()) == {0}
    assert [line["act"] for line in lines[:-1] if "SYNTHETIC" in line["what"]] == ["leak"]

    shown = page.read_text(encoding="utf-8")
    assert "<script" not in shown
    assert "synthetic" in shown
    for number in ("+447700900001", "7700900002"):
        assert number not in shown, "the page shows a number"
    # The recording with no packet in it is a recording: a header, and nothing more.
    assert (data / "after.pcap").stat().st_size == 24
    assert (data / "before.pcap").stat().st_size > 5_000
