"""Generate docs/reference/frames.md: every frame and content, element by element, read off the syntax tree."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

SRC = Path(__file__).resolve().parent.parent / "src" / "sayso" / "protocol"
GENERATED = "<!-- Generated from the source by `make docs`; change the docstrings there. -->"
MODULES = (
    ("Frames", "frames.py", "Elements stand in this order; a frame is the array of its type and these."),
    ("Content", "content.py", "Elements stand in this order, without a type: what it is follows from where it stands."),
    ("Envelope", "envelope.py", "What the seal protects, and what is bound into it."),
    ("Certificate", "certificate.py", "Elements stand in this order."),
    ("Published keys", "keys.py", "Members of JSON objects in the control plane."),
)


def pages() -> Mapping[str, str]:
    """Path below the repository to text."""
    return {"docs/reference/frames.md": frames_page(SRC)}


def frames_page(src: Path) -> str:
    """One section for each module, one table for each struct and enum in it."""
    lines = [
        GENERATED,
        "",
        "# Frames, contents and keys, element by element",
        "",
        "What each of them is for, and who sends it when: [the protocol](../protocol.md). Types are those of the",
        "source: `Bytes16` is a MessagePack `bin` of exactly 16 bytes, and so on; `Meta` gives the bounds; the names",
        "from `LIMITS` are [the limits](limits.md). JSON has bytes in base64.",
    ]
    for title, file, remark in MODULES:
        tree = ast.parse((src / file).read_text(encoding="utf-8"), filename=file)
        lines += ["", f"## {title}", "", remark]
        for name, annotation in aliases(tree):
            lines += ["", f"`{name}` is `{annotation}`."]
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                lines += section(node)
    return "\n".join(lines) + "\n"


def section(node: ast.ClassDef) -> Iterator[str]:
    """One struct or enum; nothing for a base class without elements."""
    bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
    tag = next((ast.unparse(keyword.value) for keyword in node.keywords if keyword.arg == "tag"), None)
    rows = list(enum_rows(node.body) if "IntEnum" in bases else element_rows(node.body))
    if not rows and tag is None:
        return
    yield from ("", f"### {node.name}" + (f" (type {tag})" if tag else ""), "", one_line(ast.get_docstring(node) or ""))
    if rows:
        yield from ("", "| Value | Name | Remark |" if "IntEnum" in bases else "| Element | Type | Remark |")
        yield from ("|---|---|---|", *rows)


def enum_rows(body: Sequence[ast.stmt]) -> Iterator[str]:
    """Value, name and remark of each member."""
    for statement, remark in with_remarks(body):
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield f"| {ast.unparse(value)} | `{name}` | {remark} |"
            case _:
                pass


def element_rows(body: Sequence[ast.stmt]) -> Iterator[str]:
    """Name, type and remark of each element."""
    for statement, remark in with_remarks(body):
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation):
                yield f"| `{name}` | `{cell(ast.unparse(annotation))}` | {remark} |"
            case _:
                pass


def with_remarks(body: Sequence[ast.stmt]) -> Iterator[tuple[ast.stmt, str]]:
    """Each statement with the docstring that follows it."""
    for statement, following in zip(body, [*body[1:], ast.Pass()], strict=True):
        match following:
            case ast.Expr(value=ast.Constant(value=str(remark))):
                yield statement, one_line(remark)
            case _:
                yield statement, ""


def aliases(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The module's own names for bounded types."""
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Subscript() as value):
                yield name, ast.unparse(value)
            case _:
                pass


def cell(text: str) -> str:
    """Text as one cell of a Markdown table."""
    return text.replace("|", "\\|")


def one_line(text: str) -> str:
    """A docstring on one line."""
    return cell(" ".join(text.split()))
