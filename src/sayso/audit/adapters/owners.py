"""Who owns a host: a short list that comes with the auditor, and the person's own beside it."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files as resources
from types import MappingProxyType

from sayso.audit.errors import AuditError

MAX_BYTES = 4 * 1024 * 1024
_MOST_LABELS = 8
REMEMBERED = 50_000


class OwnersError(AuditError):
    """A list of owners cannot be read; the message says which line."""


def parse(text: str) -> Mapping[str, str]:
    """Read a list: a line for each owner, `NAME: domain domain ...`; `#` begins a comment.

    Raises:
        OwnersError: a line is neither.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.partition("#")[0].strip()
        if not bare:
            continue
        owner, colon, domains = bare.partition(":")
        if not colon or not owner.strip():
            raise OwnersError(f"list of owners, line {number}: write 'NAME: domain domain'")
        found.update((domain.lower().strip("."), owner.strip()) for domain in domains.split())
    return MappingProxyType(found)


@cache
def bundled() -> Mapping[str, str]:
    """The list that comes with the auditor."""
    return parse((resources(__package__) / "owners.txt").read_text("utf-8"))


class Owners:
    """Looks up hosts."""

    def __init__(self, more: Mapping[str, str] | None = None) -> None:
        self._known = {**bundled(), **(more or {})}
        self._met: dict[str, str] = {}

    def __call__(self, host: str) -> str:
        """The owner of a host or of the nearest domain above it; empty where nobody knows."""
        found = self._met.get(host)
        if found is None:
            if len(self._met) >= REMEMBERED:
                self._met.clear()
            found = self._met[host] = self._look(host)
        return found

    def _look(self, host: str) -> str:
        labels = host.lower().strip(".").split(".")[-_MOST_LABELS:]
        for start in range(len(labels) - 1):
            owner = self._known.get(".".join(labels[start:]))
            if owner:
                return owner
        return ""
