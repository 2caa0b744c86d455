"""The package with the relay's core compiled, unpacked under build/compiled: put that folder into PYTHONPATH.

    make compiled
    make compiled ARGS="--wheel dist"    # a wheel for a server instead

Built again when a source differs from those it was built from; nothing in src/ changes.
"""

import argparse
import fcntl
import hashlib
import shutil
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from scripts.wheel import ROOT, build_wheel

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


def has_headers() -> bool:
    """Whether there are Python's headers."""
    return Path(sysconfig.get_path("include"), "Python.h").is_file()


def is_possible() -> bool:
    """Whether there are a C compiler and Python's headers."""
    return shutil.which("cc") is not None and has_headers()


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


def _compile(folder: Path) -> Path:
    if not is_possible():
        raise SystemExit("There is no C compiler, or no headers of Python (Debian: gcc, python3-dev).")
    print("Compiling the relay's core (half a minute) ...", file=sys.stderr, flush=True)
    return build_wheel(folder, compiled=True)


def _unpack(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as place, zipfile.ZipFile(_compile(Path(place))) as archive:
        archive.extractall(folder)


def main(arguments: Sequence[str]) -> int:
    """Build what was asked for, and say where it is."""
    parser = argparse.ArgumentParser(prog="make compiled ARGS=...", description=__doc__)
    parser.add_argument("--wheel", type=Path, metavar="FOLDER", help="build a wheel there instead, for a server")
    options = parser.parse_args(arguments)
    print(ensure() if options.wheel is None else _compile(options.wheel.resolve()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
