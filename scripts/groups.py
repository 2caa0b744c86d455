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
    """Tests that run together."""

    name: str
    budget_minutes: float
    paths: tuple[str, ...]
    """Folders and files of tests."""
    marker: str = ""
    """The marker expression that picks among them."""
    without: tuple[str, ...] = ()
    """Folders and files below `paths` that other groups run."""
    on_disk: bool = False
    """Whether its files have to lie on a disk: it asks what is left there when the power goes, or counts its writes."""
    alone: bool = False
    """Whether all its tests need the machine for themselves."""
    workers: int = 2
    """How many run at once: more than there are cores where tests wait for processes that they have started."""

    def files(self) -> Iterator[Path]:
        """The test files of the group that exist."""
        for path in self.paths:
            for file in files_of(ROOT / path):
                if not any(file.is_relative_to(ROOT / other) for other in self.without):
                    yield file


def files_of(path: Path) -> list[Path]:
    """The test files in a folder, or the one that is named."""
    return [path] if path.is_file() else sorted(path.rglob("test_*.py"))


CHECKS = (
    Check("layers", 0.1, ("lint-imports", "--no-logo")),
    Check("gate", 0.1, ("python", "-m", "scripts.check_gate")),
)
_GROUND = ("protocol", "consent", "phone", "carrier", "cli")
_LATER = tuple(f"tests/integration/{part}" for part in ("server", "delivery", "app", "audit", "update", "load"))
# Files that lie where their kind lies (tests/attack, tests/contract, tests/fuzz), and run with the part that they test.
_DELIVERY = ("tests/integration/test_phone_crash.py", "tests/fuzz/test_delivery.py")
_APP = (
    "tests/unit/phone/web",
    *(f"tests/attack/test_{name}.py" for name in ("cross_port", "cross_site", "dns_rebinding", "hostile_texts")),
    "tests/fuzz/test_app.py",
)
_AUDIT = (
    *(f"tests/contract/test_audit_{name}.py" for name in ("encodings", "engines", "shapes")),
    *(f"tests/attack/test_{name}.py" for name in ("decompression_bombs", "script_in_report")),
    "tests/fuzz/test_audit.py",
)
_UPDATE = ("tests/attack/test_update_mirror.py", "tests/fuzz/test_update.py")
_LOAD = (
    *(f"tests/contract/test_{name}.py" for name in ("buses", "custody", "ownership")),
    *(f"tests/attack/test_{name}.py" for name in ("floods", "mailbox_flooding", "stream_abuse")),
)
_ELSEWHERE = (*_DELIVERY, *_APP, *_AUDIT, *_UPDATE, *_LOAD)
# In minutes: the ground floor five (CHECKS and the groups up to silence), the server six (server and operator),
# delivery, app and audit five each, update three, load and faults eight.
GROUPS = (
    Group("house", 0.7, ("tests/lint",)),
    Group("unit", 0.8, tuple(f"tests/unit/{part}" for part in _GROUND), without=_ELSEWHERE),
    Group("fuzz", 0.8, ("tests/fuzz",), without=(*_ELSEWHERE, "tests/fuzz/test_server.py")),
    Group("integration", 2.3, ("tests/integration",), "not silence", without=(*_LATER, *_ELSEWHERE), workers=4),
    Group("silence", 0.5, ("tests/integration/test_silence.py",), "silence", alone=True),
    Group(
        "server",
        2.5,
        ("tests/unit/server", "tests/contract", "tests/attack", "tests/fuzz/test_server.py"),
        without=_ELSEWHERE,
    ),
    Group("operator", 3.5, ("tests/integration/server",), workers=3),
    Group("delivery", 5.0, ("tests/integration/delivery", *_DELIVERY)),
    Group("app", 5.0, ("tests/integration/app", *_APP), workers=3),
    Group("audit", 5.0, ("tests/unit/audit", "tests/integration/audit", *_AUDIT)),
    Group("update", 3.0, ("tests/unit/update", "tests/integration/update", *_UPDATE)),
    Group("load", 8.0, ("tests/integration/load", *_LOAD), on_disk=True),
)
