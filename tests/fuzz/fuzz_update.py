"""What a mirror gives: manifest, channel, notice and archive are refused with ReleaseError, and nothing else."""

import contextlib
import tempfile
from pathlib import Path

from sayso.update.adapters.release_archive import read_archive_manifest, unpack
from sayso.update.core.channel import Channel, Listed, read_channel, write_channel
from sayso.update.core.manifest import Manifest, Migration, Wheel, read_manifest, write_manifest
from sayso.update.core.remedy import Notice, read_notice, write_notice
from sayso.update.errors import ReleaseError
from sayso.update.releases import Ingredients, build_release

SLOW_EXECUTIONS = 300
_WHEEL = Wheel(file="sayso-1.0.0-py3-none-any.whl", sha256="a" * 64, length=5)
_MANIFEST = Manifest(
    version="1.0.0",
    built_at=1_800_000_000,
    libraries="inside",
    wheels=(_WHEEL,),
    data_version=1,
    migrations=(Migration(name="0001-first", to=1, sha256="b" * 64, length=2),),
    health=("doctor",),
)


def fuzz_one(data: bytes) -> None:
    """The first byte says which kind of document it is."""
    body = data[1:]
    with contextlib.suppress(ReleaseError):
        match data[:1]:
            case b"m":
                read_manifest(body)
            case b"c":
                read_channel(body)
            case _:
                read_notice(body)


def slow_one(data: bytes) -> None:
    """Archives go by a file."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "release.tar"
        file.write_bytes(data[1:])
        with contextlib.suppress(ReleaseError):
            read_archive_manifest(file)
            unpack(file, Path(place) / "out")
        if {entry.name for entry in Path(place).iterdir()} - {"release.tar", "out"}:
            raise AssertionError("something was unpacked elsewhere")


def _archive() -> bytes:
    with tempfile.TemporaryDirectory() as place:
        wheel = Path(place) / _WHEEL.file
        wheel.write_bytes(b"wheel")
        ingredients = Ingredients(version="1.0.0", built_at=1_800_000_000, libraries="inside", wheels=(wheel,))
        return build_release(Path(place), ingredients).read_bytes()


def seeds() -> list[bytes]:
    """One of each kind."""
    return [
        b"m" + write_manifest(_MANIFEST),
        b"c" + write_channel(Channel(signed_at=1_800_000_000, releases=(Listed(version="1.0.0", share=5),))),
        b"n" + write_notice(Notice(version="1.0.0", policy_sha256="c" * 64, wrong="wrong", done="done")),
        b"a" + _archive(),
    ]
