"""Build the project's wheel, for a release or with the relay's core compiled."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
_COMPILED: Final = "SAYSO_COMPILED"
"""What hatch_build.py reads."""


def build_wheel(folder: Path, *, compiled: bool = False, built_at: int | None = None) -> Path:
    """Build it into a folder; returns its file.

    Args:
        folder: where it goes.
        compiled: for this interpreter and machine alone; else it is for all, whatever the environment asks for.
        built_at: the date of all that is in it, Unix seconds; then it has the same bytes wherever it is built.

    Raises:
        SystemExit: it could not be built; what was said stands above.
    """
    environment = {name: value for name, value in os.environ.items() if name != _COMPILED}
    if compiled:
        environment[_COMPILED] = "1"
    if built_at is not None:
        environment["SOURCE_DATE_EPOCH"] = str(built_at)
    words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(words, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        print(done.stdout + done.stderr, file=sys.stderr)
        raise SystemExit("The wheel could not be built.")
    return max(folder.glob("sayso-*.whl"), key=lambda wheel: wheel.stat().st_mtime_ns)
