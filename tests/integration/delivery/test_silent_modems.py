"""P1 with every modem that can run here: before its owner says yes, a phone sends nothing at all."""

import shutil
from pathlib import Path

import pytest

from tests.accounting import not_tested
from tests.integration.delivery.modem_manager_bus import require_mock
from tests.integration.test_silence import play

pytestmark = [pytest.mark.silence, pytest.mark.slow, pytest.mark.serial]
SCRIPT = "tests/integration/delivery/silent_modems.py"


@pytest.mark.parametrize("modem", ["modem-manager", "gammu", "termux"])
def test_no_packet_before_consent(modem: str, tmp_path: Path) -> None:
    if modem == "modem-manager":
        require_mock()
    if modem == "gammu" and shutil.which("gammu") is None:
        not_tested("silence with Gammu: gammu is not installed")
    result = play(modem, tmp_path, script=SCRIPT)
    assert result["captured"] == {}
    assert set(result["counted"].values()) == {0}
    assert "phone0" in result["counted"]
