"""The layers hold, and a planted import turns the contract red."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("protocol", "consent", "server", "phone", "update", "carrier", "demo", "cli")


def lint_imports(tree: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter with the project's contract over the package below `tree`."""
    linter = Path(sys.executable).parent / "lint-imports"
    return subprocess.run(
        [linter, "--no-cache", "--no-logo"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A package of empty modules in the shape of the real one, with the real contract."""
    for part in PARTS:
        for package in (part, f"{part}/core", f"{part}/adapters"):
            folder = tmp_path / "sayso" / package
            folder.mkdir(parents=True)
            (folder / "__init__.py").touch()
        for module in ("app", "ports", "core/machine", "adapters/world"):
            (tmp_path / "sayso" / part / f"{module}.py").touch()
    (tmp_path / "sayso" / "__init__.py").touch()
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def test_a_tree_that_keeps_the_layers_passes(tree: Path) -> None:
    (tree / "sayso/cli/app.py").write_text("import sayso.demo.app\n", encoding="utf-8")
    (tree / "sayso/demo/app.py").write_text("import sayso.server.app, sayso.phone.app\n", encoding="utf-8")
    (tree / "sayso/phone/app.py").write_text("import asyncio, sayso.phone.adapters.world\n", encoding="utf-8")
    (tree / "sayso/phone/adapters/world.py").write_text("import socket, sayso.phone.ports\n", encoding="utf-8")
    (tree / "sayso/phone/ports.py").write_text("import sayso.phone.core.machine\n", encoding="utf-8")
    (tree / "sayso/phone/core/machine.py").write_text(
        "import sayso.protocol.app, sayso.consent.app\n", encoding="utf-8"
    )
    done = lint_imports(tree)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("protocol/app", "sayso.consent.app"),
        ("consent/app", "sayso.phone.app"),
        ("server/app", "sayso.phone.app"),
        ("phone/app", "sayso.server.core.machine"),
        ("carrier/app", "sayso.server.app"),
        ("phone/app", "sayso.update.app"),
        ("update/app", "sayso.phone.app"),
        ("update/adapters/world", "sayso.update.app"),
        ("update/core/machine", "time"),
        ("server/app", "sayso.demo.app"),
        ("demo/app", "sayso.cli.app"),
        ("server/core/machine", "sayso.server.ports"),
        ("server/core/machine", "sayso.server.adapters.world"),
        ("phone/ports", "sayso.phone.adapters.world"),
        ("carrier/adapters/world", "sayso.carrier.app"),
        ("server/core/machine", "asyncio"),
        ("server/core/machine", "time"),
        ("phone/core/machine", "socket"),
        ("phone/core/machine", "secrets"),
        ("carrier/core/machine", "apsw"),
        ("server/core/machine", "sqlalchemy"),
        ("protocol/app", "random"),
        ("protocol/app", "os"),
        ("protocol/app", "pathlib"),
        ("protocol/app", "asyncio"),
    ],
)
def test_a_planted_import_turns_it_red(tree: Path, module: str, imported: str) -> None:
    (tree / f"sayso/{module}.py").write_text(f"import {imported}\n", encoding="utf-8")
    done = lint_imports(tree)
    assert done.returncode == 1, done.stdout
    assert "1 broken" in done.stdout


def test_a_part_that_the_layers_do_not_name_turns_it_red(tree: Path) -> None:
    (tree / "sayso" / "utils.py").touch()
    assert lint_imports(tree).returncode == 1


def test_the_source_keeps_the_layers() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout
