"""The policy's Markdown as blocks that a template can print: headings, paragraphs, one table.

No HTML is made here, so that nothing has to be trusted; the template escapes every word.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One heading, paragraph or table."""

    kind: Literal["title", "heading", "paragraph", "table"]
    text: str = ""
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def policy_blocks(markdown: str) -> list[Block]:
    """Split a policy into blocks, in order."""
    return [_block(chunk.strip()) for chunk in markdown.split("\n\n") if chunk.strip()]


def _block(chunk: str) -> Block:
    if chunk.startswith("# "):
        return Block(kind="title", text=chunk[2:])
    if chunk.startswith("## "):
        return Block(kind="heading", text=chunk[3:])
    if chunk.startswith("|"):
        head, _, *rows = (_cells(line) for line in chunk.splitlines())
        return Block(kind="table", head=head, rows=tuple(rows))
    return Block(kind="paragraph", text=" ".join(chunk.split()))


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.strip().strip("|").split("|"))
