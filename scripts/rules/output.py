"""Only cli/ prints and exits; everything below returns values and raises errors that say what to do."""

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

from scripts.rules.finding import Finding, dotted_name

CLI = "sayso/cli/"
PRINTERS = frozenset({"print", "pprint", "pprint.pprint", "sys.stdout.write", "sys.stderr.write", "breakpoint"})
LEAVERS = frozenset({"sys.exit", "exit", "quit", "os._exit", "SystemExit"})


def check(path: PurePosixPath, tree: ast.Module) -> Iterator[Finding]:
    """Find prints and exits outside cli/."""
    if str(path).startswith(CLI):
        return
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=func):
                name = dotted_name(func)
            case ast.Raise(exc=ast.Name(id="SystemExit" as name)):
                pass
            case _:
                continue
        if name in PRINTERS:
            yield Finding(
                path, node.lineno, "output", name, f"'{name}' outside cli/", "return the value and let cli/ print it"
            )
        elif name in LEAVERS:
            yield Finding(
                path, node.lineno, "output", name, f"'{name}' outside cli/", "raise an error of the part; cli/ exits"
            )
