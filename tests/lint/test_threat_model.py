"""Every attack and every promise names its test: a file that exists, or the part that will bring it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATH = re.compile(r"`(tests/[^`:]+)(?:::[^`]+)?`")
NOT_YET = re.compile(r"not yet: (?P<part>[^;`|]+)")


def cells_under_test(page: Path) -> Iterator[tuple[str, str]]:
    """First cell and the cell under the heading `Test`, of every row of every table that has one."""
    column: int | None = None
    for line in page.read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            column = None
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if column is None:
            column = cells.index("Test") if "Test" in cells else None
        elif not set(line) <= set("|-: "):
            yield cells[0], cells[column]


ROWS = [
    (page, *row)
    for page in ("docs/threat-model.md", "docs/explanation/promises.md")
    for row in cells_under_test(ROOT / page)
]


def unfinished_parts() -> set[str]:
    """The parts that README's status table does not call done."""
    rows = re.findall(r"^\| (The [^:|]+|One [^:|]+|Messages)[:|].*\| (being built|not yet) \|$", readme(), re.MULTILINE)
    return {part for part, _ in rows}


def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_there_are_rows_to_look_at() -> None:
    assert len(ROWS) > 50
    assert unfinished_parts() <= {
        part.group(1).strip() for part in re.finditer(r"^\| ([^:|]+)[:|]", readme(), re.MULTILINE)
    }


@pytest.mark.parametrize(("page", "attack", "cell"), ROWS, ids=[f"{page}: {attack}" for page, attack, _ in ROWS])
def test_a_row_names_a_test_that_exists_or_the_part_that_brings_it(page: str, attack: str, cell: str) -> None:
    paths, parts = PATH.findall(cell), [found["part"].strip() for found in NOT_YET.finditer(cell)]
    assert paths or parts, f"{page}: {attack}: name a test file in `backticks`, or write `not yet: PART`"
    for path in paths:
        assert (ROOT / path).exists(), f"{page}: {attack}: {path} does not exist"
    for part in parts:
        assert part in unfinished_parts(), f"{page}: {attack}: README's status table has no unfinished part {part!r}"


def test_every_attack_that_is_tested_has_its_row() -> None:
    named = {path for _, _, cell in ROWS for path in PATH.findall(cell)}
    tested = {file.relative_to(ROOT).as_posix() for file in (ROOT / "tests" / "attack").rglob("test_*.py")}
    assert tested - named == set(), "docs/threat-model.md does not name these"
