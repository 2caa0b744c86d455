"""Make requirements.lock from pyproject.toml: every version and hash, for every extra and every Python we support."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMPILE = (
    "pip",
    "compile",
    "pyproject.toml",
    "--quiet",  # the result is the file
    "--output-file=requirements.lock",
    "--all-extras",
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    # A lock that names an address or a folder of one machine is of no use on another.
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-header",
)


def pip_setting(name: str) -> str | None:
    """What the user's pip is configured to, so that the lock comes from the same mirror."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", name], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or None


def main(arguments: list[str]) -> int:
    """Run uv, installing it into the environment first where it is missing; `--upgrade` moves pinned versions."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        subprocess.run([sys.executable, "-m", "pip", "install", "uv"], check=True)
        uv = str(Path(sys.executable).parent / "uv")
    environment = dict(os.environ)
    index = pip_setting("global.index-url")
    if index is not None:
        environment.setdefault("UV_DEFAULT_INDEX", index)
    return subprocess.run([uv, *COMPILE, *arguments], cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
