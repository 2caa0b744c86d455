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
    without: tuple[str, ...] = ()
    """Folders below these that other groups run."""
    on_disk: bool = False
    """Whether its files have to lie on a disk: it asks what is left there when the power goes, or counts its writes."""

    def files(self) -> Iterator[Path]:
        """The test files of the group that exist."""
        for folder in self.folders:
            for file in sorted((ROOT / folder).rglob("test_*.py")):
                if not any(file.is_relative_to(ROOT / other) for other in self.without):
                    yield file


CHECKS = (
    Check("layers", 0.1, ("lint-imports", "--no-logo")),
    Check("gate", 0.1, ("python", "-m", "scripts.check_gate")),
)
_GROUND = ("protocol", "consent", "phone", "carrier", "cli")
_LATER = tuple(f"tests/integration/{part}" for part in ("server", "delivery", "app", "audit", "update", "load"))
# In minutes: the ground floor five (CHECKS and the groups up to silence), the server six (server and operator),
# delivery, app and audit five each, update three, load and faults eight.
GROUPS = (
    Group("house", 0.7, ("tests/lint",)),
    Group("unit", 0.8, tuple(f"tests/unit/{part}" for part in _GROUND)),
    Group("fuzz", 0.8, ("tests/fuzz",)),
    Group("integration", 2.3, ("tests/integration",), "not silence", without=_LATER),
    Group("silence", 0.5, ("tests/integration",), "silence", without=_LATER),
    Group("server", 3.0, ("tests/unit/server", "tests/contract", "tests/attack")),
    Group("operator", 3.0, ("tests/integration/server",)),
    Group("delivery", 5.0, ("tests/integration/delivery",)),
    Group("app", 5.0, ("tests/integration/app",)),
    Group("audit", 5.0, ("tests/unit/audit", "tests/integration/audit")),
    Group("update", 3.0, ("tests/unit/update", "tests/integration/update")),
    Group("load", 8.0, ("tests/integration/load",), on_disk=True),
)
