"""The archive of a release: the same bytes each time, and nothing in it that the manifest does not name."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sayso.update.adapters.release_archive import read_archive_manifest, unpack
from sayso.update.errors import ReleaseError
from tests.fakes.update_world import UpdateWorld


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return UpdateWorld(tmp_path).release("1.0.0", data_version=1, migrations=[("0001-first", "go")])


def test_the_same_ingredients_make_the_same_bytes(release: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    again = UpdateWorld(tmp_path / "other").release("1.0.0", data_version=1, migrations=[("0001-first", "go")])
    assert again.read_bytes() == release.read_bytes()


def test_a_release_is_unpacked_as_it_was_packed(release: Path, tmp_path: Path) -> None:
    manifest = unpack(release, tmp_path / "out")
    assert manifest == read_archive_manifest(release)
    assert (tmp_path / "out/wheels/sayso-1.0.0-py3-none-any.whl").read_bytes() == b"wheel1.0.0"
    assert (tmp_path / "out/migrations/0001-first.py").read_bytes() == b"go"


Entries = list[tuple[tarfile.TarInfo, bytes]]


def repack(release: Path, change: Callable[[Entries], Entries]) -> Path:
    """Pack a release again, changed."""
    with tarfile.open(release) as archive:
        entries: Entries = []
        for entry in archive:
            stream = archive.extractfile(entry)
            assert stream is not None
            entries.append((entry, stream.read()))
    with tarfile.open(release, "w", format=tarfile.USTAR_FORMAT) as archive:
        for entry, content in change(entries):
            archive.addfile(entry, io.BytesIO(content))
    return release


def plant(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tuple[tarfile.TarInfo, bytes]:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, link
    entry.size = 4 if kind == tarfile.REGTYPE else 0
    return entry, b"evil" if kind == tarfile.REGTYPE else b""


@pytest.mark.parametrize(
    "change",
    [
        lambda entries: [*entries, plant("../evil")],
        lambda entries: [*entries, plant("/etc/evil")],
        lambda entries: [*entries, plant("wheels/evil.whl")],
        lambda entries: [*entries, plant("link", tarfile.SYMTYPE, "/etc")],
        lambda entries: [*entries, plant("wheels", tarfile.SYMTYPE, "/var")],
        lambda entries: [*entries, entries[1]],
        lambda entries: entries[1:],
        lambda entries: entries[:1],
        lambda entries: [entries[1], entries[0], *entries[2:]],
        lambda entries: [(entry, content.replace(b"go", b"no")) for entry, content in entries],
        lambda _: [],
    ],
)
def test_what_is_not_as_the_manifest_says_is_refused(
    release: Path, tmp_path: Path, change: Callable[[Entries], Entries]
) -> None:
    with pytest.raises(ReleaseError):
        unpack(repack(release, change), tmp_path / "out")
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("content", [b"", b"no tar", b"\x1f\x8b" + b"\0" * 600])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "release.tar"
    file.write_bytes(content)
    with pytest.raises(ReleaseError):
        read_archive_manifest(file)
