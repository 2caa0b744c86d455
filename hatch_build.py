"""What is special about building Sayso: with SAYSO_COMPILED=1 its wheel brings the relay's core compiled.

mypyc compiles the modules as they are (docs/adr/0033); without it, and in an editable install, the same modules are
interpreted, and everything works alike, more slowly. Takes a C compiler and Python's headers.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMPILED = (
    "sayso/protocol/ids.py",
    "sayso/server/core/budgets.py",
    "sayso/server/core/lines.py",
    "sayso/server/core/relay/[a-z]*.py",
)
"""What runs for every message and neither waits nor reads a clock."""


class CustomBuildHook(BuildHookInterface[Any]):
    """Compiles, where it is asked for."""

    _place: Path | None = None

    @property
    def _wanted(self) -> bool:
        return self.target_name == "wheel" and os.environ.get("SAYSO_COMPILED", "") not in {"", "0"}

    def dependencies(self) -> list[str]:
        """Return what the compiler needs: mypyc is a part of mypy, and reads the types of what is imported."""
        return ["msgspec>=0.22", "mypy>=2", "mypy-extensions>=1", "setuptools>=75"] if self._wanted else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile into a folder beside, and have the wheel take the results from there.

        Raises:
            SystemExit: a module could not be compiled; what the compiler said stands above.
        """
        if not self._wanted or version == "editable":
            return
        self._place = Path(tempfile.mkdtemp(prefix="sayso-compiled-"))
        shutil.copytree(Path(self.root, "src", "sayso"), self._place / "sayso", ignore=shutil.ignore_patterns("*.pyc"))
        modules = sorted(str(path.relative_to(self._place)) for one in COMPILED for path in self._place.glob(one))
        done = subprocess.run(
            [sys.executable, "-m", "mypyc", "--strict", *modules],
            cwd=self._place,
            env={**os.environ, "MYPYC_DEBUG_LEVEL": "0"},
            check=False,
            stdout=subprocess.DEVNULL,
        )
        if done.returncode:
            shutil.rmtree(self._place, ignore_errors=True)
            raise SystemExit("The relay's core could not be compiled; without SAYSO_COMPILED it is built interpreted.")
        shutil.rmtree(self._place / "build")
        for library in self._place.rglob("*.so"):
            build_data["force_include"][str(library)] = str(library.relative_to(self._place))
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002  hatchling's
        """Throw the folder away."""
        if self._place is not None:
            shutil.rmtree(self._place, ignore_errors=True)
