"""Tell, without a network, whether requirements.lock still fits pyproject.toml, and whether it may be published."""

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;]+)(?: ; [^\\]+)? \\")
# An index's address or a folder of one machine: useless to others, and it tells where the lock was made.
PLACE = re.compile(r"://|^-|^\s*#.*\s/|file:")
AGAIN = "run `make lock`"


def pins(lock: str) -> dict[str, str]:
    """Name to version of everything that the lock pins."""
    return {canonicalize_name(found["name"]): found["version"] for found in PIN.finditer(lock)}


def direct_requirements(project: Mapping[str, Any]) -> Iterator[Requirement]:
    """Every requirement that pyproject.toml names, the build's and every extra's too; not the project itself."""
    metadata = project["project"]
    lines = [
        *project["build-system"]["requires"],
        *metadata["dependencies"],
        *(line for lines in metadata["optional-dependencies"].values() for line in lines),
    ]
    for line in lines:
        requirement = Requirement(line)
        if canonicalize_name(requirement.name) != canonicalize_name(metadata["name"]):
            yield requirement


def breaches(project: Mapping[str, Any], lock: str) -> Iterator[str]:
    """One sentence for everything that does not fit."""
    pinned = pins(lock)
    for requirement in direct_requirements(project):
        version = pinned.get(canonicalize_name(requirement.name))
        if version is None:
            yield f"requirements.lock does not have {requirement}: {AGAIN}"
        elif not requirement.specifier.contains(version, prereleases=True):
            yield f"requirements.lock pins {requirement.name} {version}, pyproject.toml wants {requirement}: {AGAIN}"
    for name in pinned:
        block = re.search(rf"^{re.escape(name)}==.*?(?=^[a-z0-9]|\Z)", lock, re.MULTILINE | re.DOTALL | re.IGNORECASE)
        if block is None or "--hash=sha256:" not in block[0]:
            yield f"requirements.lock pins {name} without a hash: {AGAIN}"
    for number, line in enumerate(lock.splitlines(), 1):
        if PLACE.search(line):
            yield f"requirements.lock:{number}: an address or a folder of one machine: {AGAIN}"


def main() -> int:
    """Exit code 1 when anything does not fit."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found = list(breaches(project, (ROOT / "requirements.lock").read_text(encoding="utf-8")))
    for breach in found:
        print(breach)
    if not found:
        print("check_lock: requirements.lock fits pyproject.toml")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
