"""The lock check sees what is missing, out of range, unhashed, or tells where the lock was made."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from scripts.check_lock import breaches

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = {
    "build-system": {"requires": ["builder>=1"]},
    "project": {
        "name": "sayso",
        "dependencies": ["one.thing>=2,<3"],
        "optional-dependencies": {"dev": ["sayso[demo]", "Other_Thing[extra]>=1; python_version < '4'"]},
    },
}
HASH = "    --hash=sha256:00\n    # via sayso (pyproject.toml)\n"
BUILDER, ONE, OTHER = (
    f"builder==1.2 \\\n{HASH}",
    f"one-thing==2.1 \\\n{HASH}",
    f"other-thing==1.0 ; python_version < '4' \\\n{HASH}",
)


def test_a_lock_in_step_passes() -> None:
    assert list(breaches(PROJECT, BUILDER + ONE + OTHER)) == []


@pytest.mark.parametrize(
    ("lock", "expected"),
    [
        (ONE + OTHER, "does not have builder"),
        (BUILDER + OTHER, "does not have one.thing"),
        (BUILDER + ONE, "does not have Other_Thing"),
        (BUILDER + ONE.replace("2.1", "3.0") + OTHER, "pins one.thing 3.0"),
        (BUILDER + ONE.replace("--hash=sha256:00", "") + OTHER, "one-thing without a hash"),
        ("--index-url https://mirror.example/simple\n" + BUILDER + ONE + OTHER, "requirements.lock:1: an address"),
        (BUILDER + ONE + OTHER + "    # via -r /home/someone/requirements.in\n", "requirements.lock:10: an address"),
    ],
)
def test_a_lock_out_of_step_is_found(lock: str, expected: str) -> None:
    found = list(breaches(PROJECT, lock))
    assert len(found) == 1
    assert expected in found[0]


def test_the_lock_is_in_step() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert list(breaches(project, (ROOT / "requirements.lock").read_text(encoding="utf-8"))) == []
