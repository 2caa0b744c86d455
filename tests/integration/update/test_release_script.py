"""A release is built twice and is the same; one that was changed by a byte is found."""

from pathlib import Path

import pytest

from scripts.release import main, sha256

pytestmark = pytest.mark.slow


def test_a_second_person_builds_the_same_release(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["build", str(tmp_path / "one")]) == 0
    (archive,) = (tmp_path / "one").glob("*.tar")
    assert sha256(archive) in capsys.readouterr().out
    monkeypatch.setenv("SAYSO_COMPILED", "1")  # a compiled wheel would be of one machine only
    assert main(["check", str(archive)]) == 0
    content = bytearray(archive.read_bytes())
    content[-20_000] ^= 1
    archive.write_bytes(content)
    assert main(["check", str(archive)]) == 1
    assert "IS NOT" in capsys.readouterr().out
    archive.write_bytes(b"no release")
    assert main(["check", str(archive)]) == 1
