"""What a small scan loads: nothing that it does not need, since people and CI wait for it to start."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sayso.audit.adapters.readers import formats
from tests.fakes import audit_captures as made
from tests.fakes.audit_captures import Call

HEAVY = frozenset(
    {
        *("asyncio", "apsw", "cryptography", "dpkt", "httpx", "hyperscan", "jinja2", "litestar", "mitmproxy"),
        *("sqlalchemy", "structlog", "tuf", "uvloop", "vodozemac", "voprf"),
        *("sayso.server", "sayso.phone", "sayso.update", "sayso.carrier", "sayso.demo"),
    }
)
COMMAND = """
import sys
from sayso.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    code = end.code
import json
print("\\n" + json.dumps([code, sorted(sys.modules)]))
"""
READER = """
import json, os, sys
from sayso.audit.adapters.reader_process import Task, serve
serve(Task(path=sys.argv[1], name="one"), open(os.devnull, "wb"))
print(json.dumps([0, sorted(sys.modules)]))
"""


def loaded(code: str, *arguments: str, folder: Path) -> tuple[int, set[str]]:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=120
    )
    ended, modules = json.loads(done.stdout.splitlines()[-1])
    return ended, set(modules)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "one.har").write_bytes(made.har([Call()]))
    (tmp_path / "seeds.toml").write_text('[[seed]]\nid = "imei"\ntype = "imei"\nvalue = "490154203237518"\n')
    return tmp_path


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("--help", 0),
        ("audit --help", 0),
        ("audit scan --help", 0),
        ("audit scan one.har --seeds seeds.toml", 0),
        ("audit scan one.har --seeds seeds.toml --quiet --json out.json", 0),
    ],
)
def test_a_command_loads_nothing_heavy(folder: Path, words: str, code: int) -> None:
    ended, modules = loaded(COMMAND, *words.split(), folder=folder)
    assert ended == code
    assert modules & HEAVY == set()


def test_the_help_of_a_group_loads_no_command(folder: Path) -> None:
    _, modules = loaded(COMMAND, "--help", folder=folder)
    assert {name for name in modules if name.startswith("sayso.")} <= {
        *("sayso.cli", "sayso.cli.main", "sayso.cli.lazy", "sayso.cli.output"),
        *("sayso.protocol", "sayso.protocol.errors"),
    }


def test_a_reader_is_loaded_for_its_own_format_only(folder: Path) -> None:
    _, modules = loaded(READER, "one.har", folder=folder)
    assert modules & HEAVY == set()
    readers = {f"sayso.audit.adapters.readers.{kind.value}" for kind in formats.Format}
    assert modules & readers == {"sayso.audit.adapters.readers.har", "sayso.audit.adapters.readers.raw"}
