"""The channel: which releases there are, for how many phones, and which of them were called back.

`channel.json` is a TUF target, so it is signed by the people who sign releases, and every phone reads the same one.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from sayso.update.core.manifest import VersionText
from sayso.update.core.rollout import COHORTS, is_offered
from sayso.update.core.versions import Version, read_version
from sayso.update.errors import ReleaseError

TARGET: Final = "channel.json"
MAX_BYTES: Final = 256 * 1024


class Listed(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One release of the channel."""

    version: VersionText
    share: Annotated[int, Meta(ge=0, le=COHORTS)]
    """Of 10,000 phones, to how many it is offered."""
    revoked: bool = False

    @property
    def target(self) -> str:
        """Name of the archive among the TUF targets."""
        return target_name(self.version)


class Channel(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the publisher offers."""

    schema_version: Literal["sayso-channel-1"] = "sayso-channel-1"
    signed_at: Annotated[int, Meta(ge=1_400_000_000, le=9_999_999_999)]
    """Unix seconds; a phone's clock that is earlier is wrong."""
    releases: Annotated[tuple[Listed, ...], Meta(max_length=500)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a phone makes of the channel."""

    take: Listed | None
    """The release to apply; None where there is nothing for this phone."""
    installed_revoked: bool
    """The publisher has called back what runs here."""
    waiting: str | None = None
    """A newer version that is not offered to this phone yet."""
    failed: str | None = None
    """A newer version that failed here before, and so is not taken again by itself."""


def target_name(version: str) -> str:
    """Return the name of a release's archive among the TUF targets."""
    return f"sayso-{version}.tar"


def read_channel(content: bytes) -> Channel:
    """Read a channel.

    Raises:
        ReleaseError: malformed, or a version is listed twice.
    """
    if len(content) > MAX_BYTES:
        raise ReleaseError("the list of releases is too long")
    try:
        channel = msgspec.json.decode(content, type=Channel)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ReleaseError("the list of releases is malformed, or was made for a newer Sayso") from error
    versions = [read_version(listed.version) for listed in channel.releases]
    if len(set(versions)) != len(versions):
        raise ReleaseError("the list of releases names a version twice")
    return channel


def write_channel(channel: Channel) -> bytes:
    """Write a channel: always the same bytes for the same content."""
    return msgspec.json.format(msgspec.json.encode(channel, order="deterministic"), indent=1) + b"\n"


def choose(channel: Channel, *, installed: Version, secret: bytes, failed: Collection[str] = ()) -> Choice:
    """Choose the newest release that is offered to this phone, newer than what runs, and has not failed here.

    Args:
        channel: from TUF.
        installed: what runs.
        secret: the phone's roll-out secret, 32 bytes.
        failed: versions that were tried here and rolled back.
    """
    revoked = any(listed.revoked and read_version(listed.version) == installed for listed in channel.releases)
    newer = [listed for listed in channel.releases if not listed.revoked and read_version(listed.version) > installed]
    newer.sort(key=lambda listed: read_version(listed.version), reverse=True)
    waiting = tried = None
    for listed in newer:
        if not is_offered(secret, listed.version, listed.share):
            waiting = waiting or listed.version
        elif listed.version in failed:
            tried = tried or listed.version
        else:
            return Choice(take=listed, installed_revoked=revoked, waiting=waiting, failed=tried)
    return Choice(take=None, installed_revoked=revoked, waiting=waiting, failed=tried)


def is_revoked(channel: Channel, version: str) -> bool:
    """Whether the publisher has called a version back."""
    return any(listed.revoked and listed.version == version for listed in channel.releases)
