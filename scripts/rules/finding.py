"""What a rule reports."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypeAlias


@dataclass(frozen=True, order=True)
class Finding:
    """One breach: where, of which rule, what is wrong, and what to do instead."""

    path: PurePosixPath
    line: int
    rule: str
    name: str
    wrong: str
    instead: str

    def __str__(self) -> str:
        return f"src/{self.path}:{self.line}: {self.rule}: {self.wrong}. Instead: {self.instead}."


Rule: TypeAlias = Callable[[PurePosixPath, ast.Module], Iterator[Finding]]


def called_name(call: ast.Call) -> str | None:
    """The last part of the name that is called: `connect` for `a.b.connect(...)`."""
    return last_name(call.func)


def last_name(node: ast.expr) -> str | None:
    """The last part of a dotted name, None where the expression is none."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return None


def dotted_name(node: ast.expr) -> str | None:
    """`a.b.c` for a dotted name, None where a part of it is computed."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            base = dotted_name(value)
            return None if base is None else f"{base}.{name}"
        case _:
            return None


def imported_names(node: ast.AST) -> Iterator[str]:
    """Every dotted name that an import statement brings in: `from a import b` gives `a` and `a.b`."""
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=str(module), names=names):
            yield module
            yield from (f"{module}.{alias.name}" for alias in names)
        case _:
            return
