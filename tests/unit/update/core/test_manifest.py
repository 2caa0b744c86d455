"""The manifest of a release is read strictly."""

import msgspec
import pytest

from sayso.update.core.manifest import MAX_BYTES, Manifest, Migration, Wheel, read_manifest, way, write_manifest
from sayso.update.errors import ReleaseError

WHEEL = Wheel(file="sayso-1.0.0-py3-none-any.whl", sha256="a" * 64, length=1)


def step(to: int) -> Migration:
    return Migration(name=f"{to:04}-step", to=to, sha256="b" * 64, length=1)


def manifest(**changes: object) -> Manifest:
    plain = Manifest(version="1.0.0", built_at=1_800_000_000, libraries="inside", wheels=(WHEEL,), health=("doctor",))
    return msgspec.structs.replace(plain, **changes)


def test_a_manifest_is_read_as_it_was_written() -> None:
    written = manifest(data_version=3, migrations=(step(2), step(3)))
    assert read_manifest(write_manifest(written)) == written


@pytest.mark.parametrize(
    "changes",
    [
        {"version": "1.0"},
        {"wheels": ()},
        {"wheels": (WHEEL, WHEEL)},
        {"wheels": (msgspec.structs.replace(WHEEL, file="../evil.whl"),)},
        {"health": ()},
        {"data_version": 3, "migrations": (step(1), step(3))},
        {"data_version": 3, "migrations": (step(3), step(2))},
        {"data_version": 4, "migrations": (step(3),)},
        {"built_at": 0},
    ],
)
def test_what_contradicts_itself_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ReleaseError):
        read_manifest(write_manifest(manifest(**changes)))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b" " * (MAX_BYTES + 1)])
def test_what_is_no_manifest_is_refused(content: bytes) -> None:
    with pytest.raises(ReleaseError):
        read_manifest(content)


def test_a_member_that_an_older_phone_does_not_know_is_refused() -> None:
    content = write_manifest(manifest()).replace(b"{", b'{"needs_more": true,', 1)
    with pytest.raises(ReleaseError):
        read_manifest(content)


def test_the_way_goes_forward_in_order_and_back_in_reverse() -> None:
    newer = manifest(data_version=4, migrations=(step(2), step(3), step(4)))
    assert [(one.to, where) for one, where in way(newer, start=2, end=4)] == [(3, "forward"), (4, "forward")]
    assert [(one.to, where) for one, where in way(newer, start=4, end=2)] == [(4, "back"), (3, "back")]
    assert way(newer, start=4, end=4) == []


def test_a_release_that_does_not_know_the_way_says_so() -> None:
    with pytest.raises(ReleaseError):
        way(manifest(data_version=4, migrations=(step(4),)), start=2, end=4)
