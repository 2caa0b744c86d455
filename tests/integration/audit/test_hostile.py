"""Captures that were made to hurt: a clear error or a finding, little memory, no hang."""

import gzip
import json
import os
import resource
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from sayso.audit.core import seeds as seeds_file
from tests.fakes import audit_captures as made
from tests.fakes import phone_2014 as phone
from tests.fakes.audit_captures import Call, Wire

MOST_MEMORY = 512 * 1024 * 1024
GUARD_SECONDS = 240
"""Against hanging only; none of these takes a tenth of it on an idle machine."""
LEAK = b"imei=490154203237518"
# Runs the command and tells the most memory that it and its reader had (`ru_maxrss` is the larger of the two).
MEASURED = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


def scan(folder: Path, capture: str) -> tuple[int, dict[str, object], str]:
    (folder / "seeds.toml").write_text(seeds_file.render(phone.SEEDS))
    command = [sys.executable, "-m", "sayso", "audit", "scan", capture, "--seeds", "seeds.toml", "--json", "out.json"]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *command, "--html", "out.html"],
        cwd=folder, capture_output=True, text=True, timeout=GUARD_SECONDS, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    peak = int(done.stderr.rpartition("peak ")[2]) * 1024
    assert peak < MOST_MEMORY, f"{peak / 2**20:.0f} MiB"
    report = json.loads((folder / "out.json").read_text()) if (folder / "out.json").exists() else {}
    return done.returncode, report, done.stdout + done.stderr


def bomb() -> bytes:
    """A quarter of a gigabyte of zeros, in 250 KB."""
    engine = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join([*(engine.compress(bytes(1 << 20)) for _ in range(256)), engine.flush()])


def nested(depth: int) -> bytes:
    data = LEAK
    for _ in range(depth):
        data = gzip.compress(data)
    return data


def har_with(text: bytes) -> bytes:
    return (
        b'{"log":{"entries":[{"request":{"url":"https://a.example/","method":"POST","postData":{"text":"'
        + text
        + b'"}}}]}}'
    )


def _cut(data: bytes) -> bytes:
    return data[: len(data) * 2 // 3]


def _wire() -> Wire:
    wire = Wire()
    sent, received = made.http1(Call(url="http://a.example/", body=LEAK))
    for _ in range(20):
        wire.tcp([(True, sent), (False, received)])
    return wire


FOUND: dict[str, Callable[[], bytes]] = {
    "line.txt": lambda: b"a" * 100_000_000 + b" " + LEAK + b" " + b"b" * 1000,
    "line.har": lambda: har_with(b"x" * 100_000_000 + b" " + LEAK),
    "line.mitm": lambda: made.flows([Call(body=b"y" * 100_000_000 + b"&" + LEAK)]),
    "leak-and-bomb.mitm": lambda: made.flows([Call(body=LEAK), Call(body=bomb())]),
    "cut.mitm": lambda: _cut(made.flows([Call(body=LEAK), Call(body=b"x" * 300)])),
    "cut.har": lambda: _cut(made.har([Call(body=LEAK), Call(body=b"x" * 3000)])),
    "cut.pcap": lambda: _cut(_wire().pcap()),
    "cut.pcapng": lambda: _cut(_wire().pcapng()),
    "nested.har": lambda: made.har([Call(body=nested(6))]),
}
NOT_FOUND: dict[str, Callable[[], bytes]] = {
    "bomb.mitm": lambda: made.flows([Call(body=bomb(), headers=(("Content-Encoding", "gzip"),))]),
    "too-deep.mitm": lambda: made.flows([Call(body=nested(30))]),
    "brackets.har": lambda: b'{"log":{"entries":[' + b"[" * 3_000_000,
    "length.mitm": lambda: b"999999999999:" + os.urandom(100_000),
    "noise.pcap": lambda: _wire().pcap()[:24] + os.urandom(200_000),
    "noise.pcapng": lambda: _wire().pcapng()[:60] + os.urandom(200_000),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FOUND)
def test_the_leak_is_found_all_the_same(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(FOUND[name]())
    code, report, said = scan(tmp_path, name)
    assert code == 1, said
    findings = report["findings"]
    assert isinstance(findings, list)
    assert {one["seed"] for one in findings} == {"imei"}


@pytest.mark.slow
@pytest.mark.parametrize("name", NOT_FOUND)
def test_it_is_never_called_clean(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(NOT_FOUND[name]())
    code, report, said = scan(tmp_path, name)
    assert code in {2, 3}, said
    assert report["findings"] == []
    assert report["partial"] or report["not_seen_into"] or code == 2


def test_script_in_any_field_stays_text(tmp_path: Path) -> None:
    evil = "</td><script>alert(1)</script><img src=x onerror=alert(2)>\u202e"
    call = Call(
        url="http://evil.example/" + "%3Cscript%3E?a=<script>alert(3)</script>&imei=490154203237518",
        headers=(("X-<script>", evil + " 490154203237518"), ("Host", '"><script>alert(4)</script>')),
        body=evil.encode() + LEAK,
    )
    for name, data in (("evil.mitm", made.flows([call])), ("evil.har", made.har([call]))):
        (tmp_path / name).write_bytes(data)
        code, _, said = scan(tmp_path, name)
        assert code == 1, said
        page = (tmp_path / "out.html").read_text()
        assert "<script" not in page
        assert "<img" not in page
        assert "\u202e" not in page
        assert "\u202e" not in said


@pytest.mark.slow
def test_memory_stays_the_same_however_long_the_capture_is(tmp_path: Path) -> None:
    """Eight times as long, nearly the same memory: what grows with the file would show."""
    peaks = []
    for copies in (4, 32):
        path = tmp_path / f"{copies}.mitm"
        with path.open("wb") as file:
            for _ in range(copies):  # each of its own: what was seen before is remembered, and must have bounds too
                file.write(made.flows([Call(body=os.urandom(3000).hex().encode()) for _ in range(300)]))
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        assert before >= 0
        (tmp_path / "seeds.toml").write_text(seeds_file.render(phone.SEEDS))
        command = [sys.executable, "-m", "sayso", "audit", "scan", path.name, "--seeds", "seeds.toml", "--quiet"]
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, *command, "--fail-on", "never", "--engine", "aho-corasick"],
            cwd=tmp_path, capture_output=True, text=True, timeout=GUARD_SECONDS, check=False,
        )  # fmt: skip
        peaks.append(int(done.stderr.rpartition("peak ")[2]))
    assert peaks[1] < 1.5 * peaks[0] + 64 * 1024, peaks
