"""The TUF client alone, with the options of tuf-conformance: the exit code tells, and nothing else does."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sayso.update import publisher
from tests.fakes.plain_http import PlainServer, files, serving
from tests.fakes.update_world import UpdateWorld

pytestmark = pytest.mark.slow


class Client:
    """The client under test, as the suite starts it."""

    def __init__(self, folder: Path, server: PlainServer) -> None:
        self.metadata, self.targets = folder / "metadata", folder / "targets"
        self.url = server.url

    def run(self, command: str, *more: str, target: str | None = None) -> int:
        words = ["--metadata-dir", str(self.metadata)]
        if command != "init":
            words += ["--metadata-url", f"{self.url}/metadata"]
        if target is not None:
            words += ["--target-name", target, "--target-base-url", f"{self.url}/targets"]
            words += ["--target-dir", str(self.targets)]
        done = subprocess.run(
            [sys.executable, "-m", "sayso", "update", "tuf", *words, command, *more],
            check=False,
            capture_output=True,
            timeout=60,
        )
        assert done.stdout == b""
        return done.returncode

    def versions(self) -> list[str]:
        """Names of the trusted metadata."""
        return sorted(file.name for file in self.metadata.glob("*.json"))


@pytest.fixture
def world(tmp_path: Path) -> UpdateWorld:
    """A repository whose dates are about now, since the client looks at the real clock."""
    world = UpdateWorld(tmp_path)
    shutil.rmtree(world.repo)
    shutil.rmtree(world.keys)
    world.clock.jump(time.time() - world.clock.wall())
    publisher.make_repository(world.repo, world.keys, passphrase=None, now=world.clock.wall())
    world.put_out("1.0.0")
    return world


def test_init_refresh_download(world: UpdateWorld, tmp_path: Path) -> None:
    public = world.repo / "public"
    root = public / "metadata" / "1.root.json"
    with serving(files(public)) as server:
        client = Client(tmp_path, server)
        assert client.run("init", str(root)) == 0
        assert server.requests == []
        assert client.run("refresh") == 0
        assert client.versions() == ["root.json", "snapshot.json", "targets.json", "timestamp.json"]
        order = [request.split(b" ")[1].rpartition(b"/")[2].decode() for request in server.requests]
        assert order == ["2.root.json", "timestamp.json", "2.snapshot.json", "2.targets.json"]
        assert client.run("download", target="channel.json") == 0
        (file,) = client.targets.iterdir()
        assert b"sayso-channel-1" in file.read_bytes()
        asked = len([request for request in server.requests if b"/targets/" in request])
        assert client.run("download", target="channel.json") == 0
        assert len([request for request in server.requests if b"/targets/" in request]) == asked


def test_what_does_not_hold_is_exit_code_1(world: UpdateWorld, tmp_path: Path) -> None:
    public = world.repo / "public"
    with serving(files(public)) as server:
        client = Client(tmp_path, server)
        assert client.run("refresh") == 1  # nothing to trust yet
        assert client.run("init", str(public / "metadata" / "1.root.json")) == 0
        assert client.run("download", target="nothing.tar") == 1
        for path in public.glob("targets/*channel.json"):
            path.write_bytes(path.read_bytes()[:-1] + b" ")
        assert client.run("download", target="channel.json") == 1
        (public / "metadata" / "timestamp.json").write_bytes(b"{}")
        assert client.run("refresh") == 1
    assert client.run("refresh") == 1  # nobody there
