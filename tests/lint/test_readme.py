"""What the documents tell people to type exists: targets in the Makefile, commands in the command line."""

import importlib
import importlib.util
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from scripts.docs import markdown_files

ROOT = Path(__file__).resolve().parents[2]
SHELL = re.compile(r"^ *```sh\n(?P<lines>.*?)^ *```$", re.MULTILINE | re.DOTALL)
TARGETS = set(re.findall(r"^([a-z.][\w./-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def shell_lines() -> Iterator[tuple[str, str]]:
    """Every line that a document shows to be typed, with the document's name."""
    for page in markdown_files(ROOT):
        for block in SHELL.finditer(page.read_text(encoding="utf-8")):
            for line in block["lines"].replace("\\\n", " ").splitlines():
                if line.strip():
                    yield page.relative_to(ROOT).as_posix(), line.strip()


LINES = list(shell_lines())


def words_of(command: str) -> list[list[str]]:
    """The words of each command line of that program in the documents, without assignments and redirections."""
    found = []
    for _, line in LINES:
        words = shlex.split(line, comments=True)
        if words and words[0].rpartition("/")[2] == command:
            found.append(words[1:])
    return found


def test_the_readme_shows_how_to_see_it_and_how_to_test_it() -> None:
    shown = [line for page, line in LINES if page == "README.md"]
    assert shown[:2] == ["make demo", "make test"]


@pytest.mark.parametrize("words", words_of("make"), ids=" ".join)
def test_a_target_that_is_shown_exists(words: list[str]) -> None:
    targets = [word for word in words if "=" not in word]
    assert set(targets) <= TARGETS


def test_every_program_that_is_shown_is_ours() -> None:
    programs = {shlex.split(line)[0] for _, line in LINES}
    assert programs <= {"make", ".venv/bin/sayso", "sayso"}


@pytest.mark.parametrize("words", words_of("sayso"), ids=" ".join)
def test_a_command_that_is_shown_exists_with_its_options(words: list[str]) -> None:
    command = importlib.import_module("sayso.cli.main").main
    assert isinstance(command, click.Command)
    context = click.Context(command, info_name="sayso")
    rest = list(words)
    while isinstance(command, click.Group) and rest:
        found = command.get_command(context, rest.pop(0))
        assert found is not None, f"there is no such command: sayso {shlex.join(words)}"
        command, context = found, click.Context(found, parent=context)
    known = {
        option for parameter in command.get_params(context) for option in (*parameter.opts, *parameter.secondary_opts)
    }
    assert {word.partition("=")[0] for word in rest if word.startswith("--")} <= known


def test_make_alone_lists_every_target_that_people_use() -> None:
    shown = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("demo", "test", "lint", "bench", "docs", "soak", "fuzz", "lock", "clean"):
        assert re.search(rf"^ +{target} +\w", shown, re.MULTILINE), target


def test_ci_runs_the_lint_and_the_readmes_test_command() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", script], check=True)
    lines = script.read_text(encoding="utf-8").splitlines()
    assert "set -euo pipefail" in lines
    # Both run to their end, and either fails the run.
    assert "make -k lint || lint=$?" in lines
    assert lines[-2:] == ["make test", 'exit "$lint"']
