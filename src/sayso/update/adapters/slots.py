"""The Slots port: Python environments, built from a release without any network.

SLOT/env/           the environment: SLOT/env/bin/python -m sayso ...
SLOT/migrations/    scripts that take the data forward to this release, and back from it
SLOT/manifest.json  last: a slot without it is not whole
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal

from sayso.update.adapters.files import remove_tree, sync_everything, write_durably
from sayso.update.adapters.release_archive import MANIFEST, MIGRATIONS, WHEELS, unpack
from sayso.update.core.manifest import Manifest, Migration, write_manifest
from sayso.update.errors import ApplyError

_BUILD_S: Final = 600.0
_MIGRATE_S: Final = 600.0
_HEALTH_S: Final = 120.0
_PASSED_ON: Final = ("HOME", "PATH", "LANG", "LC_ALL", "TMPDIR")


class VenvSlots:
    """Environments by `venv`, filled by pip from the wheels of the release and from nowhere else."""

    def __init__(self, *, libraries: Path | None, health_s: float = _HEALTH_S) -> None:
        """Make the builder.

        Args:
            libraries: where the operating system has the libraries, for releases that bring none.
            health_s: how long a health check may take.
        """
        self._libraries = libraries
        self._health_s = health_s

    def build(self, slot: Path, archive: Path, manifest: Manifest) -> None:
        """Make an environment; as in the port."""
        try:
            remove_tree(slot)
            slot.mkdir(parents=True)
            if unpack(archive, slot / "release") != manifest:
                raise ApplyError("the release changed while it was being looked at")
            self._environment(slot, manifest)
            (slot / "release" / MIGRATIONS).rename(slot / MIGRATIONS)
            remove_tree(slot / "release")
            sync_everything()
            write_durably(slot / MANIFEST, write_manifest(manifest))
        except OSError as error:
            raise ApplyError(f"the release cannot be built: {error.strerror}") from error

    def migrate(self, slot: Path, data: Path, steps: Sequence[tuple[Migration, Literal["forward", "back"]]]) -> None:
        """Run migrations; as in the port."""
        for step, direction in steps:
            script = slot / MIGRATIONS / f"{step.name}.py"
            # -P: the script's own directory holds the other scripts, not modules.
            done = _run([_python(slot), "-P", str(script), direction, str(data)], seconds=_MIGRATE_S)
            if done != 0:
                raise ApplyError(f"the data could not be taken {direction} by {step.name}; they are as they were")
        sync_everything()

    def is_healthy(self, slot: Path, data: Path, manifest: Manifest) -> bool:
        """Run the health check; as in the port."""
        words = [_python(slot), "-P", "-m", "sayso", *manifest.health]
        return _run(words, seconds=self._health_s, environment={"SAYSO_DATA": str(data)}) == 0

    def _environment(self, slot: Path, manifest: Manifest) -> None:
        env = slot / "env"
        # Making pip anew takes most of the time; the environment that runs this often has one that can be lent.
        lends = find_spec("pip") is not None
        made = [sys.executable, "-m", "venv", *(["--without-pip"] if lends else []), str(env)]
        if _run(made, seconds=_BUILD_S) != 0:
            raise ApplyError("no environment can be made: on Debian install the package python3-venv")
        if manifest.libraries == "system":
            if self._libraries is None or not self._libraries.is_dir():
                raise ApplyError("this release brings no libraries, and it is not known where the system has them")
            (site,) = env.glob("lib/python3.*/site-packages")
            (site / "sayso-libraries.pth").write_text(f"{self._libraries}\n", encoding="utf-8")
        wheels = [str(slot / "release" / WHEELS / wheel.file) for wheel in manifest.wheels]
        pip = [sys.executable, "-m", "pip", "--python", _python(slot)] if lends else [_python(slot), "-m", "pip"]
        pip += ["install", "--quiet", "--no-index", "--no-deps", "--no-input"]
        pip += ["--disable-pip-version-check", "--force-reinstall", "--no-cache-dir", "--no-compile"]
        if _run([*pip, *wheels], seconds=_BUILD_S) != 0:
            raise ApplyError("the release's wheels cannot be installed on this machine")


def _python(slot: Path) -> str:
    return str(slot / "env" / "bin" / "python")


def _run(words: list[str], *, seconds: float, environment: Mapping[str, str] | None = None) -> int:
    """Run a program of ours, without a word to the terminal; returns its exit code, or 1 where it hangs."""
    inherited = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    try:
        done = subprocess.run(  # noqa: S603  our own environment's Python, and words of a signed manifest
            words,
            env=inherited | dict(environment or {}) | {"PYTHONDONTWRITEBYTECODE": "1", "PIP_CONFIG_FILE": os.devnull},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
        )
    except (subprocess.TimeoutExpired, FileNotFoundError, PermissionError):
        return 1
    return done.returncode
