"""Which kind of file a capture is, by how it begins."""

import enum
import re

from sayso.audit.core.decode.tokens import is_text
from sayso.audit.errors import UnknownFormatError

HEAD_BYTES = 4096
"""What a look needs of the file's start."""
_PCAP_MAGICS = frozenset(
    {
        b"\xa1\xb2\xc3\xd4",
        b"\xd4\xc3\xb2\xa1",
        b"\xa1\xb2\x3c\x4d",
        b"\x4d\x3c\xb2\xa1",
        b"\xa1\xb2\xcd\x34",
        b"\x34\xcd\xb2\xa1",
    }
)
_PCAPNG_MAGIC = b"\x0a\x0d\x0d\x0a"
_FLOW = re.compile(rb"[1-9][0-9]{0,11}:[0-9]{1,9}:")
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_PACKED = {
    b"\x1f\x8b": "gunzip",
    b"\x28\xb5\x2f\xfd": "unzstd",
    b"PK\x03\x04": "unzip",
    b"BZh": "bunzip2",
    b"\xfd7zXZ": "unxz",
}
MIN_TEXT = 0.85
"""Share of readable bytes from which on a file is text with some noise in it."""


class Format(enum.Enum):
    """The kinds of captures."""

    FLOWS = "flows"
    HAR = "har"
    PCAP = "pcap"
    RAW = "raw"


def detect(head: bytes, name: str) -> Format:
    """Tell the kind of a file from its first bytes.

    Args:
        head: the first `HEAD_BYTES`, or all of a shorter file.
        name: for messages, and where the bytes leave it open.

    Raises:
        UnknownFormatError: packed, or bytes that no reader knows.
    """
    if head[:4] in _PCAP_MAGICS or head[:4] == _PCAPNG_MAGIC:
        return Format.PCAP
    for magic, program in _PACKED.items():
        if head.startswith(magic):
            raise UnknownFormatError(f"{name} is packed; unpack it first ({program})")
    if _FLOW.match(head):
        return Format.FLOWS
    bare = head.removeprefix(_BOMS[0]).lstrip()
    if bare.startswith(b"{") and (b'"log"' in bare or b'"entries"' in bare or name.lower().endswith(".har")):
        return Format.HAR
    if not head or is_text(head) or _mostly_text(head):
        return Format.RAW
    raise UnknownFormatError(
        f"{name} is neither a flow file of mitmproxy, nor HAR, pcap, pcapng or text; --format raw searches it as bytes"
    )


def _mostly_text(head: bytes) -> bool:
    if head.startswith(_BOMS[1:]):
        return True
    readable = sum(0x20 <= byte < 0x7F or byte in b"\t\r\n" or byte >= 0x80 for byte in head)  # noqa: PLR2004  ASCII
    return b"\0" not in head and readable >= MIN_TEXT * len(head)
