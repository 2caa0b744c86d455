"""Generate docs/reference/errors.md and limits.md from the source's own docstrings, read off the syntax tree."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

SRC = Path(__file__).resolve().parent.parent / "src"
GENERATED = "<!-- Generated from the source by `make docs`; change the docstrings there. -->"


def pages() -> Mapping[str, str]:
    """Path below the repository to text."""
    return {
        "docs/reference/errors.md": errors_page(SRC),
        "docs/reference/limits.md": limits_page(SRC),
    }


def errors_page(src: Path) -> str:
    """Every class of every `errors.py`, part by part."""
    lines = [
        GENERATED,
        "",
        "# Errors",
        "",
        "Each part has one root and a short tree; `cli/` turns them into exit codes.",
    ]
    for file in sorted(src.rglob("errors.py")):
        lines += ["", f"## {_dotted(file, src)}", "", "| Error | Is a | Means |", "|---|---|---|"]
        for node in _classes(file):
            bases = ", ".join(f"`{ast.unparse(base)}`" for base in node.bases)
            lines.append(f"| `{node.name}` | {bases} | {_cell(ast.get_docstring(node) or '')} |")
    return "\n".join(lines) + "\n"


def limits_page(src: Path) -> str:
    """Every field of every class in every `limits.py`."""
    lines = [
        GENERATED,
        "",
        "# Limits",
        "",
        "Names carry their units: `_s` seconds, `_ms` milliseconds, `_bytes` bytes.",
    ]
    for file in sorted(src.rglob("limits.py")):
        for node in _classes(file):
            lines += ["", f"## {_dotted(file, src)}: {node.name}", "", ast.get_docstring(node) or "", ""]
            lines += ["| Limit | Value | Remark |", "|---|---|---|"]
            lines += [f"| `{name}` | `{value}` | {_cell(remark)} |" for name, value, remark in _fields(node)]
    return "\n".join(lines) + "\n"


def _dotted(file: Path, src: Path) -> str:
    return ".".join(file.relative_to(src).with_suffix("").parts)


def _classes(file: Path) -> Iterator[ast.ClassDef]:
    tree = ast.parse(file.read_text(encoding="utf-8"), filename=str(file))
    return (node for node in tree.body if isinstance(node, ast.ClassDef))


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, str, str]]:
    """Name, default and the docstring that follows, for every field."""
    for statement, following in zip(node.body, [*node.body[1:], ast.Pass()], strict=True):
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                match following:
                    case ast.Expr(value=ast.Constant(value=str(remark))):
                        yield name, ast.unparse(value), remark
                    case _:
                        yield name, ast.unparse(value), ""
            case _:
                pass


def _cell(text: str) -> str:
    """A docstring as one cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")
