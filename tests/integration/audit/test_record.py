"""Recording with the real mitmproxy, from an environment that our own command makes."""

import http.server
import json
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from sayso.audit.core import seeds as seeds_file
from tests.fakes import phone_2014 as phone

SAYSO = [sys.executable, "-m", "sayso", "audit"]
WAIT = 60.0


class _Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's signature
        """Say nothing."""


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorder") / "environment"
    done = subprocess.run(
        [*SAYSO, "record", "--install", "--home", str(folder)], capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def server() -> Iterator[int]:
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made.server_port
    made.shutdown()
    thread.join()
    made.server_close()


def said(process: "subprocess.Popen[str]", what: str) -> str:
    """Read until a line has `what`."""
    seen = ""
    for line in process.stdout or ():
        seen += line
        if what in line:
            return seen
    pytest.fail(f"it never said {what!r}: {seen} {process.stderr.read() if process.stderr else ''}")


def start(folder: Path, home: Path, *more: str) -> "subprocess.Popen[str]":
    command = [*SAYSO, "record", "--out", "capture.mitm", "--home", str(home), "--host", "127.0.0.1", *more]
    return subprocess.Popen(
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def until(condition: Path) -> None:
    deadline = time.monotonic() + WAIT
    while not condition.exists():
        assert time.monotonic() < deadline, f"{condition.name} never came"
        time.sleep(0.05)


@pytest.mark.slow
def test_a_recording_is_marked_and_scanned(tmp_path: Path, home: Path, server: int) -> None:
    port = free_port()
    process = start(tmp_path, home, "--mode", "proxy", "--port", str(port))
    try:
        assert f"127.0.0.1:{port}" in said(process, "Only record phones")
        assert process.stdin is not None
        process.stdin.write("contact added\n")
        process.stdin.flush()
        until(tmp_path / "capture.mitm.phases")
        proxy = {"http": f"http://127.0.0.1:{port}", "https": f"http://127.0.0.1:{port}"}
        opener = urllib.request.build_opener(urllib.request.ProxyHandler(proxy))
        opener.open(f"http://127.0.0.1:{server}/user@id?externalId=07700900456", timeout=WAIT).read()
        # An app that trusts nobody but its own certificate.
        strict = urllib.request.build_opener(
            urllib.request.ProxyHandler(proxy), urllib.request.HTTPSHandler(context=ssl.create_default_context())
        )
        with pytest.raises(OSError, match="certificate"):
            strict.open(f"https://127.0.0.1:{server}/", timeout=WAIT)
        until(tmp_path / "capture.mitm.refused")
        marked = [*SAYSO, "mark", "SMS sent", "--capture", "capture.mitm"]
        assert subprocess.run(marked, cwd=tmp_path, capture_output=True, timeout=WAIT, check=False).returncode == 0
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=WAIT)
    assert process.returncode == 0
    (tmp_path / "seeds.toml").write_text(seeds_file.render(phone.SEEDS))
    scan = [*SAYSO, "scan", "capture.mitm", "--seeds", "seeds.toml", "--json", "-"]
    done = subprocess.run(scan, cwd=tmp_path, capture_output=True, text=True, timeout=WAIT, check=False)
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert {(one["seed"], one["phase"]) for one in report["findings"]} == {("contact", "contact added")}
    assert any("pinned" in one["reason"] for one in report["not_seen_into"])


@pytest.mark.slow
def test_wireguard_shows_a_code_for_the_phone(tmp_path: Path, home: Path) -> None:
    process = start(tmp_path, home, "--port", str(free_port(socket.SOCK_DGRAM)))
    try:
        shown = said(process, "Only record phones")
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=WAIT)
    assert "[Interface]" in shown
    assert "█" in shown or "▀" in shown
    assert "WireGuard app" in shown


def test_without_the_environment_it_says_how_to_make_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [*SAYSO, "record", "--home", str(tmp_path / "none"), "--out", str(tmp_path / "x.mitm")],
        capture_output=True, text=True, timeout=WAIT, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "record --install" in done.stderr
