"""Run our own lint rules (rules/) over src/; prints what is wrong, where, and what to do instead."""

import ast
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from scripts.rules import imports, network, output, purity, tasks
from scripts.rules.finding import Finding, Rule

SRC = Path(__file__).resolve().parent.parent / "src"
RULES: Sequence[Rule] = (network.check, tasks.check, output.check, imports.check, purity.check)

# What one file may do all the same: file -> name -> the reason. An entry that excuses nothing is an error too.
ALLOWED: Mapping[str, Mapping[str, str]] = {
    "sayso/update/adapters/slots.py": {
        "subprocess": "builds an environment by venv and `pip --no-index`, and runs the checks that a release names"
    },
    "sayso/phone/adapters/programs.py": {
        "create_subprocess_exec": "starts the programs of Termux:API and the Gammu process, from a fixed list",
    },
    "sayso/phone/adapters/modem_manager/bus.py": {
        "dbus_fast": "the system bus by Unix socket: any other address is refused before it is opened",
        "dbus_fast.aio": "the same bus, asynchronous",
        "dbus_fast.unpack": "turns what came into values",
    },
}


def check_source(path: str, source: str) -> list[Finding]:
    """What the rules say about one file, in order of lines. `path` is below src/, as in `sayso/phone/app.py`."""
    where = PurePosixPath(path)
    tree = ast.parse(source, filename=path)
    return sorted(finding for rule in RULES for finding in rule(where, tree))


def check_tree(src: Path, allowed: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """One sentence for every breach below src that `allowed` does not excuse, and for every excuse without a use."""
    unused = {(path, name) for path, names in allowed.items() for name in names}
    for file in sorted(src.rglob("*.py")):
        path = file.relative_to(src).as_posix()
        for finding in check_source(path, file.read_text(encoding="utf-8")):
            if finding.name in allowed.get(path, {}):
                unused.discard((path, finding.name))
            else:
                yield str(finding)
    for path, name in sorted(unused):
        yield f"scripts/check_gate.py: ALLOWED: '{name}' in src/{path} excuses nothing. Instead: remove the entry."


def main() -> int:
    """Exit code 1 when anything is wrong."""
    breaches = list(check_tree(SRC, ALLOWED))
    for breach in breaches:
        print(breach)
    print(f"check_gate: {len(breaches)} found" if breaches else "check_gate: nothing found")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
