"""protocol/ and every core/ take time, randomness and files as arguments.

import-linter keeps whole modules out (.importlinter); this finds the calls that need no telling import. A core may know
the type `random.Random`, since somebody hands it one with a seed; it may not make one, or use the module's own.
"""

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

from scripts.rules.finding import Finding, dotted_name

CLOCKS = ("datetime.now", "datetime.utcnow", "datetime.today", "date.today")
FILES = frozenset({"open", "input", "io.open"})
RANDOM = frozenset({"uuid1", "uuid4", "urandom", "Random", "SystemRandom"})
TAKE_RANDOM = "take random bytes, or a Random, as an argument"


def check(path: PurePosixPath, tree: ast.Module) -> Iterator[Finding]:
    """Find calls by which a pure layer would look at the world."""
    if not (str(path).startswith("sayso/protocol/") or "core" in path.parts[2:-1]):
        return
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=func):
                yield from _call(path, node.lineno, dotted_name(func) or "")
            case ast.Import(names=names) if any(alias.name == "random" for alias in names):
                yield Finding(path, node.lineno, "purity", "random", "'random' has a state of its own", TAKE_RANDOM)
            case ast.ImportFrom(module="random", names=names) if {alias.name for alias in names} != {"Random"}:
                yield Finding(path, node.lineno, "purity", "random", "'random' has a state of its own", TAKE_RANDOM)
            case _:
                pass


def _call(path: PurePosixPath, line: int, name: str) -> Iterator[Finding]:
    if name.endswith(CLOCKS):
        yield Finding(path, line, "purity", name, f"'{name}' reads the clock", "take the time as an argument")
    elif name in FILES:
        yield Finding(path, line, "purity", name, f"'{name}' touches the world", "take the bytes as an argument")
    elif name.rpartition(".")[2] in RANDOM:
        yield Finding(path, line, "purity", name, f"'{name}' is random", TAKE_RANDOM)
