"""Write the generated pages (each generate_*.py has `pages()`), then check every link of the Markdown files."""

import importlib
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INDEX = Path("docs/README.md")
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#+ +(?P<text>.*?) *#*$", re.MULTILINE)
FENCE = re.compile(r"^(?P<fence>`{3,}|~{3,}).*?^(?P=fence)$", re.MULTILINE | re.DOTALL)
ELSEWHERE = ("https:", "http:", "mailto:")


def generated(scripts: Path = ROOT / "scripts") -> Mapping[str, str]:
    """Every generated page: path below the repository to text."""
    pages: dict[str, str] = {}
    for script in sorted(scripts.glob("generate_*.py")):
        pages.update(importlib.import_module(f"scripts.{script.stem}").pages())
    return pages


def markdown_files(root: Path) -> Iterator[Path]:
    """The Markdown files that people read: those at the top and those below docs/."""
    yield from sorted(root.glob("*.md"))
    yield from sorted((root / "docs").rglob("*.md"))


def anchors(text: str) -> set[str]:
    """The anchors that a page's headings make."""
    found: set[str] = set()
    for heading in HEADING.finditer(FENCE.sub("", text)):
        plain = re.sub(r"[^\w\- ]", "", heading["text"].lower()).replace(" ", "-")
        found.add(plain)
    return found


def links(file: Path) -> Iterator[tuple[int, str]]:
    """Line and target of every link that leads to a file or an anchor of ours."""
    text = file.read_text(encoding="utf-8")
    # What stands in a code block is no link; its lines still count.
    plain = FENCE.sub(lambda fence: "\n" * fence[0].count("\n"), text)
    for found in LINK.finditer(plain):
        if not found["target"].startswith(ELSEWHERE):
            yield plain.count("\n", 0, found.start()) + 1, found["target"]


def broken_links(root: Path) -> Iterator[str]:
    """One sentence for each link that leads nowhere, and for each page of docs/ that cannot be reached."""
    reached = {root / INDEX}
    followed: set[Path] = set()
    for file in markdown_files(root):
        for line, target in links(file):
            path, _, anchor = target.partition("#")
            goal = (file.parent / path).resolve() if path else file
            if not goal.exists():
                yield f"{file.relative_to(root)}:{line}: {target} does not exist"
            elif anchor and anchor not in anchors(goal.read_text(encoding="utf-8")):
                yield f"{file.relative_to(root)}:{line}: {target} has no such heading"
    while reached - followed:
        page = (reached - followed).pop()
        followed.add(page)
        goals = {(page.parent / target.partition("#")[0]).resolve() for _, target in links(page)}
        reached |= {goal for goal in goals if goal.suffix == ".md" and goal.exists()}
    for file in sorted((root / "docs").rglob("*.md")):
        if file.resolve() not in reached:
            yield f"{file.relative_to(root)}: no way leads here from {INDEX}"


def main() -> int:
    """Exit code 1 when a link is broken."""
    for name, text in generated().items():
        path = ROOT / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"written: {name}")
    problems = list(broken_links(ROOT))
    for problem in problems:
        print(problem)
    print(f"docs: {len(problems)} wrong" if problems else "docs: every page is up to date, every link leads somewhere")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
