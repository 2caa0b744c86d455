"""A packet capture: what of it is in the clear, and what keys open."""

from collections.abc import Callable, Iterator
from pathlib import Path

from sayso.audit.adapters.readers import packets, quic, tshark
from sayso.audit.adapters.readers.pcap_file import blocks
from sayso.audit.core.model import Event
from sayso.audit.errors import CorruptCaptureError


def read(
    source: Callable[[int], bytes], name: str, *, path: Path | None = None, keylog: Path | None = None
) -> Iterator[Event]:
    """Yield what the packets hold.

    Args:
        source: gives bytes of the file.
        name: for messages.
        path: where the file lies, for tshark, which opens what is encrypted.
        keylog: a TLS key log; the keys inside a pcapng are used by themselves.

    Raises:
        CorruptCaptureError: the file breaks off, or a part of it makes no sense.
    """
    found = packets.Packets()
    trouble: CorruptCaptureError | None = None
    opened = tshark.Opened()
    if path is not None and (keylog is not None or tshark.holds_secrets(path)):
        # First what the keys open: the streams that were opened are then not listed as unseen.
        try:
            yield from tshark.read(path, keylog, opened)
            yield from quic.read(path, keylog, opened)
        except CorruptCaptureError as error:
            trouble = error  # what is in the clear is searched all the same
        found = packets.Packets(opened.streams, opened.records, opened.names)
    try:
        for packet in blocks(source, name):
            yield from found.feed(packet)
    except CorruptCaptureError as error:
        trouble = error
    yield from found.end()
    if trouble is not None:
        raise trouble
    if found.cut:
        raise CorruptCaptureError(f"{name}: {found.cut} packets were cut when they were captured (snaplen)")
