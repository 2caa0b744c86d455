"""What has to be done after an event: `Save` and `Forget` first, durably and together; then the others in order."""

from dataclasses import dataclass
from typing import TypeAlias

from sayso.carrier.core.records import Record
from sayso.protocol.modem import ModemFrame


@dataclass(frozen=True, slots=True)
class Save:
    """Store a record, in place of the one with its kind and key."""

    record: Record


@dataclass(frozen=True, slots=True)
class Forget:
    """Erase a record."""

    record: Record


@dataclass(frozen=True, slots=True)
class ToPhone:
    """Send a frame to the phone that is attached to a modem."""

    modem: str
    frame: ModemFrame


@dataclass(frozen=True, slots=True)
class OpenModem:
    """Let phones attach to a modem."""

    modem: str


@dataclass(frozen=True, slots=True)
class CloseModem:
    """Hang up a modem and let nobody attach any more."""

    modem: str


Command: TypeAlias = Save | Forget | ToPhone | OpenModem | CloseModem
