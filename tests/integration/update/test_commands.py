"""From keys to a phone that has updated, gone back and refused, by the commands and with real environments."""

import subprocess
from pathlib import Path

import pytest

from tests.fakes.plain_http import files, serving
from tests.integration.update.publishing import Publisher, sayso

pytestmark = pytest.mark.slow


def runs(home: Path) -> str:
    """What the program in force says of itself."""
    python = home / "current" / "slot" / "env" / "bin" / "python"
    done = subprocess.run([python, "-m", "sayso"], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def test_a_release_from_its_keys_to_a_phone(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path)
    publisher.stage("1.0.0")
    home = tmp_path / "home"
    with serving(files(publisher.public)) as mirror:
        begin = ["update", "init", "--home", home, "--url", mirror.url, "--root", publisher.root]
        assert sayso(*begin, "--release", publisher.archive("1.0.0"))["version"] == "1.0.0"
        assert runs(home) == "1.0.0"

        # Before the yes there is no check, and not one request.
        assert "sayso update on" in sayso("update", "check", "--home", home, code=1)["error"]
        assert "sayso update on" in sayso("update", "apply", "--home", home, code=1)["error"]
        assert mirror.requests == []
        sayso("update", "on", "--home", home)
        assert mirror.requests == []

        # One of two has signed: not published, so not offered.
        publisher.stage("1.1.0")
        publisher.sign("targets-1")
        assert "2 of 2 holders" in publisher.publish(code=1)["error"]
        assert sayso("update", "check", "--home", home)["offered"] is None
        publisher.sign("targets-2")
        publisher.publish()

        # Offered to nobody, then to everybody.
        said = sayso("update", "check", "--home", home)
        assert (said["offered"], said["waiting"]) == (None, "1.1.0")
        sayso("update", "rollout", "100", "--repo", publisher.repo)
        publisher.sign()
        publisher.publish()
        assert sayso("update", "check", "--home", home)["offered"] == "1.1.0"
        assert sayso("update", "apply", "--home", home)["after"] == "1.1.0"
        assert runs(home) == "1.1.0"
        assert sayso("update", "rollback", "--home", home)["after"] == "1.0.0"
        assert runs(home) == "1.0.0"
        assert sayso("update", "apply", "--home", home)["event"] == "nothing"
        assert sayso("update", "apply", "--again", "--home", home)["after"] == "1.1.0"

        # Its own health check fails: the one before is in force, and it is not tried again.
        publisher.stage("1.2.0", health=1)
        sayso("update", "rollout", "100", "--repo", publisher.repo)
        publisher.sign()
        publisher.publish()
        assert "health" in sayso("update", "apply", "--home", home, code=1)["error"]
        assert runs(home) == "1.1.0"
        assert sayso("update", "status", "--home", home)["failed"].keys() == {"1.2.0"}
        assert sayso("update", "apply", "--home", home)["event"] == "nothing"

        # Called back: who has it is told.
        sayso("update", "revoke", "1.1.0", "--repo", publisher.repo)
        publisher.sign()
        publisher.publish()
        assert sayso("update", "check", "--home", home)["installed_revoked"]
        sayso("update", "off", "--home", home)
        asked = len(mirror.requests)
        sayso("update", "check", "--home", home, code=1)
        assert len(mirror.requests) == asked
    status = sayso("update", "status", "--repo", publisher.repo)
    assert [listed["version"] for listed in status["releases"]] == ["1.0.0", "1.1.0", "1.2.0"]


def test_two_phones_ask_in_the_same_words(tmp_path: Path) -> None:
    """One has 1.0.0, the other 1.1.0 already; what they send cannot be told apart."""
    publisher = Publisher(tmp_path)
    publisher.stage("1.0.0")
    publisher.stage("1.1.0")
    publisher.sign()
    publisher.publish()
    seen = []
    for version in ("1.0.0", "1.1.0"):
        home = tmp_path / f"home-{version}"
        with serving(files(publisher.public)) as mirror:
            begin = ["update", "init", "--home", home, "--url", mirror.url, "--root", publisher.root]
            sayso(*begin, "--release", publisher.archive(version))
            sayso("update", "on", "--home", home)
            sayso("update", "check", "--home", home)
            here = mirror.url.removeprefix("http://").encode()
            seen.append([request.replace(here, b"HERE") for request in mirror.requests])
    assert seen[0] == seen[1]
    assert len(seen[0]) > 3
