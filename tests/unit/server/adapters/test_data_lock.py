"""One process at a time works on a server's data."""

import subprocess
import sys
from pathlib import Path

import pytest

from sayso.server.adapters.data_lock import held
from sayso.server.errors import ConfigError

HOLDER = """
import sys
from pathlib import Path
from sayso.server.adapters.data_lock import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_one_is_told_to_wait(tmp_path: Path) -> None:
    with held(tmp_path), pytest.raises(ConfigError, match="stop it first"), held(tmp_path):
        pass
    with held(tmp_path):
        assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600


def test_a_process_that_is_killed_lets_go(tmp_path: Path) -> None:
    words = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(ConfigError), held(tmp_path):
            pass
        other.kill()
        other.wait()
        with held(tmp_path):
            pass
