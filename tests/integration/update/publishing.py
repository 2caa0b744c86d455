"""A publisher and a phone, both by the commands that people type."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from sayso.demo.story.wheels import write_wheel

BUILT_AT = 1_790_000_000
MAIN = """
import pathlib, sys
from sayso import VERSION
def main():
    words = sys.argv[1:]
    if words == ["doctor"]:
        sys.exit(HEALTH)
    print(VERSION)
if __name__ == "__main__":
    main()
"""


def sayso(*words: object, code: int = 0, **environment: str) -> dict[str, Any]:
    """Run a command with `--json`; returns the last line that it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "sayso", *map(str, words), "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, **environment},
    )
    assert done.returncode == code, (words, done.stdout, done.stderr)
    lines = done.stdout.splitlines()
    said: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    return said


def small_wheel(folder: Path, version: str, *, health: int = 0) -> Path:
    """A program named sayso that knows `doctor` and its version."""
    folder.mkdir(exist_ok=True)
    files = {
        "sayso/__init__.py": f'VERSION = "{version}"\n'.encode(),
        "sayso/__main__.py": MAIN.replace("HEALTH", str(health)).encode(),
    }
    return write_wheel(folder, version, files)


class Publisher:
    """Somebody who publishes by the commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repo, self.keys = folder / "repo", folder / "keys"
        sayso("update", "keys", "--repo", self.repo, "--keys", self.keys)

    @property
    def public(self) -> Path:
        """What a web server hands out."""
        return self.repo / "public"

    @property
    def root(self) -> Path:
        """The root of trust for phones."""
        return self.public / "metadata" / "1.root.json"

    def archive(self, version: str) -> Path:
        """The archive of a release that was staged."""
        return self.repo / f"sayso-{version}.tar"

    def stage(self, version: str, *more: object, health: int = 0) -> None:
        """Stage a release."""
        wheel = small_wheel(self.folder / "wheels", version, health=health)
        words = ["update", "stage", "--repo", self.repo, "--version", version, "--built-at", BUILT_AT]
        sayso(*words, "--wheel", wheel, *more)

    def sign(self, *holders: str) -> None:
        """Sign as these holders."""
        for holder in holders or ("targets-1", "targets-2"):
            sayso("update", "sign", "--repo", self.repo, "--key", self.keys / f"{holder}.pem")

    def publish(self, *, code: int = 0) -> dict[str, Any]:
        """Publish."""
        keys = ["--snapshot-key", self.keys / "snapshot.pem", "--timestamp-key", self.keys / "timestamp.pem"]
        return sayso("update", "publish", "--repo", self.repo, *keys, code=code)
