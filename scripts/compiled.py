"""The package with the relay's core compiled, unpacked under build/compiled: put that folder into PYTHONPATH.

    make compiled
    make compiled ARGS="--wheel dist"    # a wheel for a server instead

Built again when a source differs from those it was built from; nothing in src/ changes.
"""

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = ROOT / "build" / "compiled"
_STAMP: Final = ".built-from"


def sources_digest() -> str:
    """Digest of all that goes into the package, and of the interpreter that it is built for."""
    digest = hashlib.sha256(sys.version.encode())
    sources = (ROOT / "src").rglob("*")
    for path in sorted([ROOT / "hatch_build.py", ROOT / "pyproject.toml", *sources]):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def is_possible() -> bool:
    """Whether there are a C compiler and Python's headers."""
    return shutil.which("cc") is not None and Path(sysconfig.get_path("include"), "Python.h").is_file()


def ensure(folder: Path = FOLDER) -> Path:
    """Build it unless it is there already; returns the folder.

    Raises:
        SystemExit: it could not be built.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:  # two at once would each build it, one into the other's way
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted, stamp = sources_digest(), folder / _STAMP
        if not stamp.is_file() or stamp.read_text("utf-8") != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            _unpack(folder)
            stamp.write_text(wanted, encoding="utf-8")
    return folder


def remove(folder: Path) -> None:
    """Remove what `ensure` made."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.with_suffix(".lock").unlink(missing_ok=True)


def build_wheel(folder: Path) -> Path:
    """Build a wheel for this interpreter and machine; returns its file.

    Raises:
        SystemExit: it could not be built.
    """
    print("Compiling the relay's core (half a minute) ...", file=sys.stderr, flush=True)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    environment = {**os.environ, "SAYSO_COMPILED": "1"}
    done = subprocess.run(build, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        print(done.stdout + done.stderr, file=sys.stderr)
        raise SystemExit("The compiled package could not be built. It takes a C compiler and Python's headers.")
    return max(folder.glob("sayso-*.whl"), key=lambda wheel: wheel.stat().st_mtime_ns)


def _unpack(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as place, zipfile.ZipFile(build_wheel(Path(place))) as archive:
        archive.extractall(folder)


def main(arguments: Sequence[str]) -> int:
    """Build what was asked for, and say where it is."""
    parser = argparse.ArgumentParser(prog="make compiled ARGS=...", description=__doc__)
    parser.add_argument("--wheel", type=Path, metavar="FOLDER", help="build a wheel there instead, for a server")
    options = parser.parse_args(arguments)
    print(ensure() if options.wheel is None else build_wheel(options.wheel.resolve()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
