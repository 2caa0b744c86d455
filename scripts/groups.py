"""The groups that the tests run in, and how long each may take."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

SETUP_AND_LINT_MINUTES = 5.0


@dataclass(frozen=True)
class Check:
    """A command that passes or fails as a whole."""

    name: str
    budget_minutes: float
    command: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """Tests that run together: the folders, the marker expression that picks among them, the budget in minutes."""

    name: str
    budget_minutes: float
    folders: tuple[str, ...]
    marker: str = ""

    def files(self) -> Iterator[Path]:
        """The test files of the group that exist."""
        for folder in self.folders:
            yield from sorted((ROOT / folder).rglob("test_*.py"))


CHECKS = (
    Check("layers", 0.1, ("lint-imports", "--no-logo")),
    Check("gate", 0.1, ("python", "-m", "scripts.check_gate")),
)
# The ground floor has five minutes in all: CHECKS and these.
GROUPS = (
    Group("house", 0.5, ("tests/lint",)),
    Group("unit", 1.3, ("tests/unit", "tests/contract", "tests/attack"), "not silence"),
    Group("fuzz", 1.0, ("tests/fuzz",)),
    Group("integration", 1.5, ("tests/integration",), "not silence"),
    Group("silence", 0.5, ("tests/integration", "tests/attack"), "silence"),
)
