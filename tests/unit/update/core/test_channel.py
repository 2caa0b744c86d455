"""The channel: which release a phone takes, and which it does not."""

import pytest

from sayso.update.core.channel import (
    MAX_BYTES,
    Channel,
    Listed,
    choose,
    is_revoked,
    read_channel,
    target_name,
    write_channel,
)
from sayso.update.core.rollout import COHORTS
from sayso.update.core.versions import read_version
from sayso.update.errors import ReleaseError

SECRET = bytes(32)


def channel(*releases: Listed) -> Channel:
    return Channel(signed_at=1_800_000_000, releases=releases)


def listed(version: str, *, share: int = COHORTS, revoked: bool = False) -> Listed:
    return Listed(version=version, share=share, revoked=revoked)


def taken(*releases: Listed, installed: str = "1.0.0", failed: tuple[str, ...] = ()) -> str | None:
    choice = choose(channel(*releases), installed=read_version(installed), secret=SECRET, failed=failed)
    return None if choice.take is None else choice.take.version


def test_the_newest_is_taken() -> None:
    assert taken(listed("1.9.0"), listed("1.10.0"), listed("1.2.0")) == "1.10.0"


def test_older_and_equal_ones_are_not() -> None:
    assert taken(listed("0.9.0"), listed("1.0.0")) is None


def test_one_that_is_not_offered_to_this_phone_leaves_the_next_best() -> None:
    releases = listed("1.1.0"), listed("1.2.0", share=0)
    assert taken(*releases) == "1.1.0"
    assert choose(channel(*releases), installed=read_version("1.0.0"), secret=SECRET).waiting == "1.2.0"


def test_one_that_failed_here_is_not_taken_again() -> None:
    assert taken(listed("1.1.0"), listed("1.2.0"), failed=("1.2.0",)) == "1.1.0"
    choice = choose(channel(listed("1.2.0")), installed=read_version("1.0.0"), secret=SECRET, failed=["1.2.0"])
    assert (choice.take, choice.failed) == (None, "1.2.0")


def test_one_that_was_called_back_is_not_taken_and_who_has_it_is_told() -> None:
    releases = listed("1.0.0", revoked=True), listed("1.1.0", revoked=True)
    assert taken(*releases) is None
    assert choose(channel(*releases), installed=read_version("1.0.0"), secret=SECRET).installed_revoked
    assert is_revoked(channel(*releases), "1.1.0")
    assert not is_revoked(channel(*releases), "1.2.0")


def test_a_channel_is_read_as_it_was_written() -> None:
    written = channel(listed("1.0.0"), listed("1.1.0", share=5))
    assert read_channel(write_channel(written)) == written
    assert target_name("1.1.0") == "sayso-1.1.0.tar"


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"\xff", b" " * (MAX_BYTES + 1), write_channel(channel(listed("1.0.0"), listed("1.0.0")))]
)
def test_what_is_no_channel_is_refused(content: bytes) -> None:
    with pytest.raises(ReleaseError):
        read_channel(content)
