"""scripts/setup tells a person what to type, in a machine where things are missing."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A tree with the script, and a PATH of its own on which nobody is root and almost nothing is installed."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "setup", tmp_path / "scripts")
    path = tmp_path / "bin"
    path.mkdir()
    for tool in ("sh", "dirname", "cat"):
        (path / tool).symlink_to(shutil.which(tool) or "")
    install(path, "id", "echo 1000")
    install(path, "apt-get", "echo apt-get was called >&2; exit 1")
    return tmp_path


def install(path: Path, name: str, script: str) -> None:
    program = path / name
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)


def run_setup(machine: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [machine / "scripts" / "setup", *arguments],
        env={"PATH": str(machine / "bin"), "SYSTEM_PYTHON": "/nonexistent", **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


# Stands for an interpreter: answers what the script asks one for.
OLD_PYTHON = "exit 1"
WITHOUT_VENV = 'case "$2" in *ensurepip*) exit 1;; *version_info\\ \\<*) exit 0;; *) echo 3.11;; esac'


def test_without_python_it_says_what_to_install(machine: Path) -> None:
    done = run_setup(machine, PYTHON="python3")
    assert done.returncode != 0
    assert "needs Python 3.11 or newer" in done.stderr
    assert "sudo apt-get install -y python3 python3-venv" in done.stderr


def test_an_old_python_is_not_taken(machine: Path) -> None:
    install(machine / "bin", "python3", OLD_PYTHON)
    done = run_setup(machine, PYTHON="python3")
    assert done.returncode != 0
    assert "needs Python 3.11 or newer" in done.stderr


def test_without_the_venv_module_it_names_the_package(machine: Path) -> None:
    install(machine / "bin", "python3", WITHOUT_VENV)
    done = run_setup(machine, PYTHON="python3")
    assert done.returncode != 0
    assert "sudo apt-get install -y python3.11-venv" in done.stderr
    assert "apt-get was called" not in done.stderr


def test_as_root_it_installs_the_missing_package_itself(machine: Path) -> None:
    install(machine / "bin", "id", "echo 0")
    install(machine / "bin", "python3", WITHOUT_VENV)
    done = run_setup(machine, PYTHON="python3")
    assert "apt-get was called" in done.stderr
    assert done.returncode != 0


def test_missing_tools_are_named_and_do_not_stop_anybody(machine: Path) -> None:
    install(machine / "bin", "strace", "exit 0")
    install(machine / "bin", "ip", "exit 0")
    done = run_setup(machine, "--tools")
    assert done.returncode == 0
    assert "sudo apt-get install -y procps nodejs npm" in done.stderr
    assert "dbus modemmanager gammu" in done.stderr


def test_with_all_tools_there_it_is_silent(machine: Path) -> None:
    for tool in ("strace", "ip", "ps", "node", "npm", "bearerbox", "nginx", "caddy", *LATER):
        install(machine / "bin", tool, "exit 0")
    done = run_setup(machine, "--tools")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


LATER = ("mkfs.ext4", "gdb", "cc", "tshark", "dbus-daemon", "mmcli", "gammu", "chromium", "initdb")


def test_the_script_names_no_address() -> None:
    for name in ("scripts/setup", "scripts/lock.py", ".ci/run", "Makefile"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "://" not in text
        assert os.sep + "root" + os.sep not in text
