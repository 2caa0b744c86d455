"""Versions of releases: three numbers, compared as numbers."""

import re
from dataclasses import dataclass
from typing import Final

from sayso.update.errors import ReleaseError

PATTERN: Final = r"^(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})\Z"
_VERSION: Final = re.compile(PATTERN, re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """MAJOR.MINOR.PATCH."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


def read_version(text: str) -> Version:
    """Read a version.

    Raises:
        ReleaseError: it is not three numbers.
    """
    found = _VERSION.fullmatch(text)
    if found is None:
        raise ReleaseError("a release's version is three numbers, such as 1.4.0")
    return Version(*map(int, found.groups()))
