"""Which modem a line uses, as its owner writes it, and the adapter for it.

modemmanager[:DEVICE]   ModemManager over D-Bus; DEVICE where there are several (`sayso phone modems`)
termux[:SLOT]           Android through Termux:API; SLOT counted from 0
gammu:GAMMURC           libGammu with this configuration
carrier:SOCKET          the simulated carrier; a bare path means the same
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from sayso.phone.adapters.carrier_modem import CarrierModem
from sayso.phone.adapters.gammu import EVERY_S as GAMMU_EVERY_S
from sayso.phone.adapters.gammu import GammuSource
from sayso.phone.adapters.polled_modem import PolledModem
from sayso.phone.adapters.programs import SystemPrograms, gammu_worker
from sayso.phone.adapters.termux import EVERY_S as TERMUX_EVERY_S
from sayso.phone.adapters.termux import TermuxSource
from sayso.phone.errors import CommandError
from sayso.phone.ports import Clock, HandedBook, Modem

KINDS: Final = ("modemmanager", "termux", "gammu", "carrier")
_NEEDS_PLACE: Final = frozenset({"gammu", "carrier"})
_MOST_SLOTS: Final = 8


@dataclass(frozen=True, slots=True)
class ModemChoice:
    """A modem, not opened yet."""

    kind: str
    """One of `KINDS`."""
    where: str = ""
    """Device, slot, configuration or socket; empty for the only one there is."""


def read_choice(text: str) -> ModemChoice:
    """Read a choice as its owner writes it.

    Raises:
        CommandError: it is none.
    """
    kind, _, where = text.partition(":")
    if kind not in KINDS:
        if "/" in text:
            return ModemChoice("carrier", text)
        raise CommandError(f"there is no kind of modem like this; there are: {', '.join(KINDS)}, or a path")
    if kind in _NEEDS_PLACE and not where:
        raise CommandError(f"say where it is: {kind}:{'GAMMURC' if kind == 'gammu' else 'SOCKET'}")
    if kind == "termux" and where and not (where.isascii() and where.isdigit() and int(where) < _MOST_SLOTS):
        raise CommandError("a SIM slot is counted from 0: termux:0 is the first one")
    return ModemChoice(kind, where)


def make_modem(choice: ModemChoice, *, book: HandedBook, clock: Clock) -> Modem:
    """Make the adapter; it opens nothing before it is listened to.

    Args:
        choice: which one.
        book: the line's memory of what its modem was given.
        clock: see `Clock`.

    Raises:
        CommandError: a package that it needs is not installed.
    """
    match choice.kind:
        case "modemmanager":
            try:
                from sayso.phone.adapters.modem_manager import ModemManagerModem  # noqa: PLC0415  an extra
            except ImportError as error:
                raise CommandError("for ModemManager, install the extra: pip install 'sayso[phone]'") from error
            return ModemManagerModem(book=book, clock=clock, device=choice.where)
        case "termux":
            slot = int(choice.where) if choice.where else None
            source = TermuxSource(SystemPrograms(), slot=slot)
            return PolledModem(source, book=book, clock=clock, every_s=TERMUX_EVERY_S)
        case "gammu":
            gammu = GammuSource(partial(gammu_worker, choice.where))
            return PolledModem(gammu, book=book, clock=clock, every_s=GAMMU_EVERY_S)
        case _:
            return CarrierModem(Path(choice.where))
