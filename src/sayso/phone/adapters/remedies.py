"""What an update left for the phone: `remedy-VERSION.json` in its data directory (written by the update channel)."""

import re
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from sayso.phone.core.remedy import Remedy

_NAME: Final = re.compile(r"remedy-([0-9]{1,6})\.([0-9]{1,6})\.([0-9]{1,6})\.json", re.ASCII)
_MAX_BYTES: Final = 16 * 1024


class _Notice(Struct, frozen=True):
    schema_version: Literal["sayso-remedy-1"]
    policy_sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    wrong: str


def read_remedy(data: Path) -> Remedy | None:
    """Return the newest remedy, or None where no update left one.

    One that cannot be read counts as one all the same: which consents are current is then what this program says.
    """
    found = [(tuple(map(int, name.groups())), file) for file in data.iterdir() if (name := _NAME.fullmatch(file.name))]
    if not found:
        return None
    _, file = max(found)
    try:
        notice = msgspec.json.decode(file.read_bytes()[:_MAX_BYTES], type=_Notice)
    except (msgspec.MsgspecError, OSError, UnicodeDecodeError):
        return Remedy(policy_sha256=None, wrong="a default was changed by an update")
    return Remedy(policy_sha256=bytes.fromhex(notice.policy_sha256), wrong=notice.wrong)
