"""Build a release from this tree, or check that a release is what this tree makes.

    make release ARGS="build FOLDER [--wheels FOLDER]"
    make release ARGS="check FILE [--wheels FOLDER]"

`--wheels` has the libraries of a release that brings them (`pip download --require-hashes -r requirements.lock`);
without it the operating system brings them. The date of everything is that of the last commit.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path

from sayso.protocol.errors import SaysoError
from sayso.update.adapters.release_archive import read_archive_manifest
from sayso.update.core.manifest import Manifest
from sayso.update.releases import Ingredients, build_release
from scripts.wheel import ROOT, build_wheel


def commit_date() -> int:
    """Unix seconds of the last commit, which is the date of all that is built from it."""
    done = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=True)
    return int(done.stdout)


def build(folder: Path, wheels: Path | None, built_at: int, like: Manifest | None = None) -> Path:
    """Build a release in `folder`; as `like` says, where one is to be checked."""
    folder.mkdir(parents=True, exist_ok=True)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    with tempfile.TemporaryDirectory() as place:
        others = () if wheels is None else tuple(sorted(wheels.glob("*.whl")))
        return build_release(
            folder,
            Ingredients(
                version=version,
                built_at=built_at,
                libraries="inside" if others else "system",
                wheels=(build_wheel(Path(place), built_at=built_at), *others),
                health=like.health if like else ("doctor",),
                remedy=like.remedy if like else None,
            ),
        )


def sha256(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main(arguments: Sequence[str]) -> int:
    """Exit code 1 where a release is not what this tree makes."""
    parser = argparse.ArgumentParser(prog="make release ARGS=...", description=__doc__)
    parser.add_argument("what", choices=["build", "check"])
    parser.add_argument("where", type=Path)
    parser.add_argument("--wheels", type=Path)
    options = parser.parse_args(arguments)
    if options.what == "build":
        archive = build(options.where, options.wheels, commit_date())
        print(f"{sha256(archive)}  {archive}")
        return 0
    try:
        manifest = read_archive_manifest(options.where)
    except SaysoError as error:
        print(f"release: {error}")
        return 1
    with tempfile.TemporaryDirectory() as place:
        ours = build(Path(place), options.wheels, manifest.built_at, manifest)
        same = ours.read_bytes() == options.where.read_bytes()
        if not same:
            mine = {wheel.file: wheel.sha256 for wheel in read_archive_manifest(ours).wheels}
            for wheel in manifest.wheels:
                if mine.get(wheel.file) != wheel.sha256:
                    print(f"release: {wheel.file} is not what this tree makes")
    print(f"{sha256(options.where)}  {options.where}: {'is' if same else 'IS NOT'} what this tree makes")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
