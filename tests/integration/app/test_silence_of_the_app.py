"""P1 with the app open: before its owner says yes, phone and browser together send nothing beyond loopback."""

import shutil
from pathlib import Path

import pytest

from tests.accounting import not_tested
from tests.integration.test_silence import play

pytestmark = [pytest.mark.slow, pytest.mark.serial]


def test_no_packet_leaves_while_the_owner_looks_at_everything(tmp_path: Path) -> None:
    """In the phone's own network namespace: the app's traffic is on lo, and phone0 has not one packet."""
    if shutil.which("chromium") is None:
        not_tested("chromium is missing: scripts/setup --tools")
    result = play("browser", tmp_path)
    assert result["counted"]["phone0"] == 0
    assert {key.split()[0] for key in result["captured"]} == {"lo"}
