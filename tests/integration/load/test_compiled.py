"""The relay's core, compiled: the same tests pass, and the modules under test were the compiled ones.

That a server built this way serves, and loses nothing when it is killed, is test_bench's, which measures with it.
"""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hatch_build import COMPILED
from scripts import compiled
from scripts.wheel import ROOT
from tests.accounting import not_tested

pytestmark = pytest.mark.slow

TESTS = (
    "tests/unit/protocol/test_ids.py",
    "tests/unit/server/core",
    "tests/unit/server/adapters/test_stream.py",
    "tests/unit/server/services/cluster",
    "tests/unit/server/services/test_relay_runner.py",
    "tests/attack/test_mailbox_flooding.py",
    "tests/attack/test_squatted_ids.py",
    "tests/attack/test_quota_races.py",
)


@pytest.fixture(scope="module")
def folder() -> Path:
    if not compiled.is_possible():
        not_tested("there is no C compiler, or no headers of Python")
    return compiled.ensure()


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    environment.pop("PYTEST_XDIST_WORKER", None)
    return subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=550
    )


def modules() -> list[str]:
    source = ROOT / "src"
    paths = [path.relative_to(source) for pattern in COMPILED for path in source.glob(pattern)]
    return [".".join(path.with_suffix("").parts) for path in paths]


def test_every_module_that_is_to_be_compiled_is(folder: Path) -> None:
    assert len(modules()) > 10
    lines = "\n".join(f"import {name}; print({name}.__file__)" for name in modules())
    files = run(folder, "-c", lines).stdout.split()
    assert len(files) == len(modules())
    assert all(file.startswith(str(folder)) and file.endswith(".so") for file in files)


def test_the_compiled_core_passes_the_tests_of_the_interpreted_one(folder: Path) -> None:
    done = run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "skipped" not in done.stdout
    loaded = run(folder, "-c", "import tests.fakes.relay_world as world; print(world.Relay)")
    assert "sayso.server.core.relay.relay.Relay" in loaded.stdout


def test_it_is_built_once_and_again_when_a_source_changes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = next(folder.rglob("relay*.so"))
    before = library.stat().st_mtime_ns
    assert compiled.ensure() == folder
    assert library.stat().st_mtime_ns == before

    built: list[dict[str, str]] = []

    def build(command: list[str], *, env: dict[str, str], **_: object) -> subprocess.CompletedProcess[bytes]:
        built.append(env)
        with zipfile.ZipFile(Path(command[-1]) / "sayso-0-py3-none-any.whl", "w") as wheel:
            wheel.writestr("sayso/built.py", "")
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", build)
    other = tmp_path / "compiled"
    for digest in ("first", "first", "second"):
        monkeypatch.setattr(compiled, "sources_digest", lambda digest=digest: digest)
        compiled.ensure(other)
        assert (other / "sayso" / "built.py").is_file()
    assert [env["SAYSO_COMPILED"] for env in built] == ["1", "1"]
