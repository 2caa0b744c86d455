"""Imports stand at the top of the file. An optional extra may be tried inside a function: `try: import ... `."""

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

from scripts.rules.finding import Finding, imported_names, last_name

INSTEAD = "import at the top; if that makes a cycle, move the shared part down a layer"


def check(path: PurePosixPath, tree: ast.Module) -> Iterator[Finding]:
    """Find imports inside functions."""
    yield from _walk(path, tree, inside=False)


def _walk(path: PurePosixPath, node: ast.AST, *, inside: bool) -> Iterator[Finding]:
    tried = _tried_extra(node)
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            if inside and child not in tried:
                name = next(imported_names(child), ".")
                yield Finding(path, child.lineno, "imports", name, f"'{name}' is imported inside a function", INSTEAD)
        else:
            is_function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))
            yield from _walk(path, child, inside=inside or is_function)


def _tried_extra(node: ast.AST) -> list[ast.stmt]:
    match node:
        case ast.Try(body=body, handlers=handlers):
            caught = {
                last_name(node)
                for handler in handlers
                if handler.type is not None
                for node in ast.walk(handler.type)
                if isinstance(node, ast.expr)
            }
            return body if caught & {"ImportError", "ModuleNotFoundError"} else []
        case _:
            return []
