"""The remedy: what a release that changes a default leaves for the phone, and the one screen that tells the person.

`update` and `phone` meet in this file: `remedy-VERSION.json` in the phone's data directory. The phone reads it at every
start, and takes each line without a current consent off the cloud.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from sayso.update.core.manifest import Manifest, Sha256, VersionText
from sayso.update.errors import ReleaseError

PATTERN: Final = "remedy-*.json"


class Notice(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What lies in the phone's data directory."""

    schema_version: Literal["sayso-remedy-1"] = "sayso-remedy-1"
    version: VersionText
    policy_sha256: Sha256
    """Lines whose consent is to another policy are without a current consent."""
    wrong: Annotated[str, Meta(max_length=600)]
    done: Annotated[str, Meta(max_length=600)]


def file_name(version: str) -> str:
    """Return the name of a release's notice in the phone's data directory."""
    return f"remedy-{version}.json"


def read_notice(content: bytes) -> Notice:
    """Read a notice's file.

    Raises:
        ReleaseError: it is malformed.
    """
    try:
        return msgspec.json.decode(content, type=Notice)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ReleaseError("a notice of an update is damaged") from error


def notice_of(manifest: Manifest) -> Notice | None:
    """Return what a release leaves for the phone, or None where it changes no default."""
    if manifest.remedy is None:
        return None
    remedy = manifest.remedy
    return Notice(version=manifest.version, policy_sha256=remedy.policy_sha256, wrong=remedy.wrong, done=remedy.done)


def write_notice(notice: Notice) -> bytes:
    """Write the notice's file."""
    return msgspec.json.format(msgspec.json.encode(notice, order="deterministic"), indent=1) + b"\n"


def screen(notice: Notice) -> str:
    """Return the one screen for the person: what was wrong, what is done, what they can do."""
    return (
        f"Sayso was updated to {notice.version}\n\n"
        f"What was wrong: {notice.wrong}\n\n"
        f"What is done: {notice.done}\n\n"
        "Cloud messaging is off for every line whose owner has not said yes to the present policy. Nothing is sent\n"
        "for such a line, and its texts go by SMS.\n\n"
        "If you want cloud messaging: read the policy (sayso phone policy), then say yes.\n"
        "If you do not: there is nothing you have to do.\n"
    )
