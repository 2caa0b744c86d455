"""The documents are complete: links lead somewhere, generated pages are fresh, frames and commands are described."""

import ast
from pathlib import Path

import click
import pytest

from scripts.docs import ROOT, broken_links, generated
from scripts.generate_commands import commands_page
from scripts.generate_reference import errors_page, limits_page

FRAMES = ROOT / "src" / "sayso" / "protocol" / "frames.py"


def test_every_link_leads_somewhere_and_every_page_can_be_reached() -> None:
    assert list(broken_links(ROOT)) == []


@pytest.mark.parametrize("name", sorted(generated()))
def test_a_generated_page_is_what_its_script_makes(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == generated()[name], f"{name} is stale: run `make docs`"


def frames() -> list[str]:
    """The names of the frames: classes with a tag."""
    tree = ast.parse(FRAMES.read_text(encoding="utf-8"))
    classes = (node for node in tree.body if isinstance(node, ast.ClassDef))
    return [node.name for node in classes if any(keyword.arg == "tag" for keyword in node.keywords)]


@pytest.mark.parametrize("frame", frames())
def test_a_frame_is_described_in_the_protocol(frame: str) -> None:
    assert f"`{frame}`" in (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "docs" / "how-to").mkdir(parents=True)
    (tmp_path / "README.md").write_text("[docs](docs/README.md) [out](https://example.com/)", encoding="utf-8")
    (tmp_path / "docs" / "README.md").write_text("# Top\n\n[a](how-to/a.md) [b](#top)", encoding="utf-8")
    (tmp_path / "docs" / "how-to" / "a.md").write_text("# A: it's `b`!\n\n[up](../README.md#top)", encoding="utf-8")
    return tmp_path


def test_good_links_pass(tree: Path) -> None:
    (tree / "SECURITY.md").write_text("[a](docs/how-to/a.md#a-its-b)\n```\n[x](nowhere.md)\n```\n", encoding="utf-8")
    assert list(broken_links(tree)) == []


def test_a_dead_link_a_dead_anchor_and_a_lost_page_are_found(tree: Path) -> None:
    (tree / "SECURITY.md").write_text(
        "```\n\n```\n[a](docs/nowhere.md)\n[b](docs/README.md#nowhere)\n", encoding="utf-8"
    )
    (tree / "docs" / "lost.md").touch()
    assert list(broken_links(tree)) == [
        "SECURITY.md:4: docs/nowhere.md does not exist",
        "SECURITY.md:5: docs/README.md#nowhere has no such heading",
        "docs/lost.md: no way leads here from docs/README.md",
    ]


def test_the_error_page_has_every_error_with_its_docstring(tmp_path: Path) -> None:
    errors = tmp_path / "sayso" / "server" / "errors.py"
    errors.parent.mkdir(parents=True)
    errors.write_text('class Full(SaysoError):\n    """The a|b is\n\n    full."""\n', encoding="utf-8")
    page = errors_page(tmp_path)
    assert "## sayso.server.errors" in page
    assert "| `Full` | `SaysoError` | The a\\|b is full. |" in page


def test_the_limits_page_has_every_limit_with_its_remark(tmp_path: Path) -> None:
    limits = tmp_path / "sayso" / "limits.py"
    limits.parent.mkdir()
    limits.write_text(
        'class L:\n    """All."""\n\n    a_s: int = 2 * DAY\n    """Two days."""\n    b: int = 1\n', encoding="utf-8"
    )
    page = limits_page(tmp_path)
    assert "| `a_s` | `2 * DAY` | Two days. |" in page
    assert "| `b` | `1` |  |" in page


def test_the_command_page_has_every_command_but_hidden_ones() -> None:
    group = click.Group("sayso", help="All of it.")
    group.add_command(click.Command("doctor", help="Say what is missing."))
    group.add_command(click.Command("secret", hidden=True))
    page = commands_page(group)
    assert "## sayso doctor" in page
    assert "Say what is missing." in page
    assert "secret" not in page
