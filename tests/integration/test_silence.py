"""P1, measured on packets: before its owner says yes, a phone sends nothing at all."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.accounting import not_tested

pytestmark = [pytest.mark.silence, pytest.mark.slow, pytest.mark.serial]
ROOT = Path(__file__).resolve().parents[2]
SERVER_ONE = "10.77.1.1"


def play(scenario: str, data: Path, *, script: str = "tests/integration/silent_world.py") -> dict[str, Any]:
    """Play a scenario in a namespace of its own; returns what was sent."""
    unshare = ["unshare", "--net", "--mount"] if os.geteuid() == 0 else ["unshare", "-Ur", "--net", "--mount"]
    for tool in ("unshare", "nsenter", "ip"):
        if shutil.which(tool) is None:
            not_tested(f"{tool} is missing: apt-get install util-linux iproute2")
    probe = subprocess.run([*unshare, "true"], capture_output=True, check=False, timeout=20)
    if probe.returncode != 0:
        not_tested("this kernel gives no network namespaces to this user; run as root")
    command = [sys.executable, str(ROOT / script), scenario, str(data)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run([*unshare, *command], capture_output=True, check=False, timeout=170, env=environment)
    assert run.returncode == 0, run.stderr.decode()[-4000:]
    result: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return result


def test_no_packet_before_consent(tmp_path: Path) -> None:
    """Looking, adding, SMS both ways, a restart: no packet on any interface, not even on lo."""
    result = play("off", tmp_path)
    assert result["captured"] == {}
    assert set(result["counted"].values()) == {0}
    assert "phone0" in result["counted"]


@pytest.mark.parametrize("leak", ["planted-connect", "planted-dns", "planted-ping"])
def test_a_planted_leak_turns_it_red(leak: str, tmp_path: Path) -> None:
    """The same measurement sees a connection, a name look-up and a ping."""
    result = play(leak, tmp_path)
    assert result["counted"]["phone0"] > 0
    assert any(seen.startswith("phone0 out") for seen in result["captured"])


def test_consent_of_one_line_is_silent_for_the_other(tmp_path: Path) -> None:
    """Line one talks to its server only; line two, which had another server, says nothing, and nobody is looked up."""
    captured = play("one-line", tmp_path)["captured"]
    talked = {key.rsplit(" ", 1)[1] for key in captured if " tcp " in key or " udp " in key or " icmp " in key}
    assert talked == {SERVER_ONE}
    assert not [key for key in captured if " udp " in key or " icmp " in key]


def test_no_packet_after_opt_out(tmp_path: Path) -> None:
    """Once the switch shows off, nothing leaves any more."""
    captured = play("opted-out", tmp_path)["captured"]
    assert {key: count for key, count in captured.items() if " out " in key} == {}
