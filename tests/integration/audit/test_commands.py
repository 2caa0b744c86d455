"""`sayso audit` as a person types it."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import BinaryIO

import jsonschema_rs
import pytest

from sayso.audit.core import seeds as seeds_file
from tests.fakes import audit_captures as made
from tests.fakes import phone_2014 as phone
from tests.fakes.audit_captures import Call

ROOT = Path(__file__).resolve().parents[3]
SAYSO = [sys.executable, "-m", "sayso", "audit"]


def run(*args: str | Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*SAYSO, *map(str, args)], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "seeds.toml").write_text(seeds_file.render(phone.SEEDS))
    (tmp_path / "before.mitm").write_bytes(made.flows(phone.calls(phone.before())))
    (tmp_path / "before.mitm.phases").write_text(phone.phases(phone.before()))
    (tmp_path / "after.mitm").write_bytes(made.flows(phone.calls(phone.after())))
    (tmp_path / "quiet.har").write_bytes(made.har([Call(url="https://a.example/", method="GET")]))
    return tmp_path


def test_leaks_are_told_in_every_form(folder: Path) -> None:
    done = run(
        *("scan", "before.mitm", "--seeds", "seeds.toml", "--json", "r.json", "--html", "r.html", "--sarif", "r.sarif"),
        folder=folder,
    )
    assert done.returncode == 1, done.stderr
    assert "LEAKS: 5 of 5 seeds left the phone" in done.stdout
    assert "api.account.xiaomi.com (Xiaomi)" in done.stdout
    report = json.loads((folder / "r.json").read_text())
    schema = json.loads((ROOT / "docs/reference/audit-report.schema.json").read_text())
    jsonschema_rs.validator_for(schema).validate(report)
    assert report["files"] == ["before.mitm"]
    assert {one["phase"] for one in report["findings"]} == set(phone.STEPS[1:6]), "marks beside the capture"
    assert phone.IMEI.value not in json.dumps(report["seeds"])
    assert json.loads((folder / "r.sarif").read_text())["version"] == "2.1.0"
    assert "<script" not in (folder / "r.html").read_text()
    assert all(stat.S_IMODE((folder / name).stat().st_mode) == 0o600 for name in ("r.json", "r.html", "r.sarif"))


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("quiet.har",), 0),
        (("before.mitm",), 1),
        (("before.mitm", "--fail-on", "never"), 0),
        (("before.mitm", "--allow", "all.toml"), 0),
        (("odd.bin",), 2),
        (("odd.bin", "before.mitm"), 1),
        (("odd.bin", "--format", "raw"), 3),
        (("broken.har",), 3),
        (("missing.har",), 2),
        (("echo.har", "--sent-only"), 0),
        (("echo.har",), 1),
    ],
)
def test_exit_codes(folder: Path, arguments: tuple[str, ...], code: int) -> None:
    (folder / "odd.bin").write_bytes(bytes(range(256)) * 4 + os.urandom(2000))
    (folder / "broken.har").write_bytes(made.har([Call()])[:-30])
    (folder / "all.toml").write_text('[[allow]]\nhost = "*.xiaomi.com"\nreason = "this is the test"\n')
    (folder / "echo.har").write_bytes(made.har([Call(answer=b"imei=490154203237518")]))
    done = run("scan", *arguments, "--seeds", "seeds.toml", folder=folder)
    assert done.returncode == code, done.stdout + done.stderr


def test_who_has_no_seeds_yet_is_told_how_to_make_them(folder: Path) -> None:
    done = run("scan", "quiet.har", "--seeds", "none.toml", folder=folder)
    assert done.returncode == 2
    assert "sayso audit seeds new --out none.toml" in done.stderr


def test_json_goes_to_stdout_alone(folder: Path) -> None:
    done = run("scan", "before.mitm", "--seeds", "seeds.toml", "--json", "-", folder=folder)
    assert json.loads(done.stdout)["schema"] == "sayso/audit-report/1"


@pytest.mark.parametrize(
    ("content", "said"),
    [("[[seed]]\ntype = 'imei'\nvalue = '1'", "imei"), ("not toml", "TOML"), ("", "seeds new")],
)
def test_wrong_seeds_are_told_without_their_value(folder: Path, content: str, said: str) -> None:
    (folder / "wrong.toml").write_text(content)
    done = run("scan", "quiet.har", "--seeds", "wrong.toml", folder=folder)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_new_seeds_are_fit_to_be_looked_for(folder: Path) -> None:
    done = run("seeds", "new", "--out", "new.toml", "--decoys", "3", folder=folder)
    assert done.returncode == 0, done.stderr
    made_seeds = seeds_file.parse((folder / "new.toml").read_bytes())
    assert len(made_seeds.decoys) == 3 * len(made_seeds.seeds)
    assert stat.S_IMODE((folder / "new.toml").stat().st_mode) == 0o600
    assert run("seeds", "new", "--out", "new.toml", folder=folder).returncode == 2, "never over a file that is there"
    assert run("scan", "quiet.har", "--seeds", "new.toml", folder=folder).returncode == 0
    printed = run("seeds", "new", "--region", "US", folder=folder).stdout
    assert seeds_file.parse(printed.encode()).seeds


def test_two_reports_are_compared(folder: Path) -> None:
    for name in ("before", "after"):
        run("scan", f"{name}.mitm", "--seeds", "seeds.toml", "--json", f"{name}.json", folder=folder)
    done = run("compare", "before.json", "after.json", folder=folder)
    assert done.returncode == 1
    assert "Vanished: 8" in done.stdout
    told = json.loads(run("compare", "before.json", "after.json", "--json", folder=folder).stdout)
    assert {one["seed"] for one in told["appeared"]} == {"imsi", "own-number"}
    run("scan", "quiet.har", "--seeds", "seeds.toml", "--json", "quiet.json", folder=folder)
    assert run("compare", "before.json", "quiet.json", folder=folder).returncode == 0
    assert run("compare", "before.json", "seeds.toml", folder=folder).returncode == 2


def test_a_field_that_follows_the_seed_is_told(folder: Path) -> None:
    for name, token in (("a1", "x7Gq0pLmZw41"), ("a2", "x7Gq0pLmZw41"), ("b", "k2RtY9bNc8uE")):
        body = json.dumps({"blob": token, "session": f"{name}-{token[:4]}-0001", "version": "1.2.3-constant"})
        (folder / f"{name}.har").write_bytes(made.har([Call(body=body.encode())]))
    done = run("ab", "--a", "a1.har", "--a", "a2.har", "--b", "b.har", "--json", folder=folder)
    assert done.returncode == 1, done.stderr
    (one,) = json.loads(done.stdout)["followers"]
    assert one["slot"]["name"] == "/blob"
    assert one["proven"]
    assert run("ab", "--a", "a1.har", "--b", "a2.har", folder=folder).returncode in {0, 1}
    assert run("ab", "--a", "a1.har", "--b", "seeds.toml", "--format", "har", folder=folder).returncode == 2


def test_ctrl_c_leaves_the_report_of_what_was_read(folder: Path) -> None:
    """The capture is a pipe that never ends: once it took megabytes, what came first has been searched."""
    os.mkfifo(folder / "live.mitm")
    command = [*SAYSO, "scan", "live.mitm", "--seeds", "seeds.toml", "--json", "part.json"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with opened(folder / "live.mitm", process) as pipe:
        pipe.write(made.netstring(made.flow(Call(body=b"imei=490154203237518"))))
        for _ in range(60):
            pipe.write(made.netstring(made.flow(Call(body=b"x" * 100_000))))
        pipe.flush()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 1, said
    report = json.loads((folder / "part.json").read_text())
    assert report["partial"]
    assert any("interrupted" in note for note in report["notes"])
    assert report["findings"][0]["seed"] == "imei"


def opened(path: Path, process: "subprocess.Popen[str]") -> BinaryIO:
    """The writing end of a pipe, as soon as somebody reads it."""
    while process.poll() is None:
        try:
            number = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody reads yet
            time.sleep(0.02)
        else:
            os.set_blocking(number, True)
            return os.fdopen(number, "wb")
    pytest.fail("it ended before it read")


def test_help_has_an_example() -> None:
    for command in ("scan", "seeds", "record", "mark", "compare", "ab"):
        done = run(command, "--help", folder=ROOT)
        assert done.returncode == 0, done.stderr
        if command != "seeds":
            assert "Example" in done.stdout
