"""The carrier of a world: cuts SMS into parts, and holds, repeats, reorders, loses and mangles them as it is told."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Protocol

from sayso.phone.core.sms.alphabet import segments
from tests.fakes.modem import FakeNetwork, Sms
from tests.fakes.world.log import Log

_GSM7 = "gsm23.038-0-0"
REFERENCES = 256
_APART_S = 8000.0
"""So far apart, by the network's clock, are two sets of one sender under one reference."""


@dataclass(frozen=True)
class Piece:
    """One SMS on the air, or one part of one."""

    sms: Sms
    serial: int
    """Of the whole: what only the network knows."""
    text: str
    at: float
    """The network's stamp; Unix seconds."""
    gsm7: bool = True
    number: int = 1
    total: int = 1
    reference: int = 0
    copy: bool = False
    """Sent by the network a second time."""
    data: bytes = b""
    header: bytes | None = None
    """As it came, where a stranger wrote it; None: what `number` and `total` make of it."""
    flash: bool = False

    @property
    def udh(self) -> bytes:
        """The user data header, with its length octet."""
        if self.header is not None:
            return self.header
        return bytes([5, 0, 3, self.reference, self.total, self.number]) if self.total > 1 else b""


class Receiver(Protocol):
    """A SIM in the network."""

    number: str

    @property
    def reachable(self) -> bool:
        """Whether the network can deliver to it."""
        ...

    def receive(self, piece: Piece) -> None:
        """Take an SMS, or a part of one."""
        ...


class Origin(Protocol):
    """Who sent an SMS, and wants to know what became of it."""

    def settle(self, ref: int, state: str) -> None:
        """Take a delivery report."""
        ...


def mangled(text: str) -> str:
    """A text as a carrier leaves it that knows ASCII alone."""
    return text.encode("ascii", "replace").decode()


def cut(text: str) -> tuple[list[str], bool]:
    """Cut a text into parts as a sending modem does; returns them, and whether they are of seven bits."""
    try:
        widths, single, part = [len(sign.encode(_GSM7)) for sign in text], 160, 153
    except UnicodeEncodeError:
        widths, single, part = [len(sign.encode("utf-16-be")) // 2 for sign in text], 70, 67
    gsm7 = single == 160
    if sum(widths) <= single:
        return [text], gsm7
    pieces, used = [""], 0
    for sign, width in zip(text, widths, strict=True):
        if used + width > part:
            pieces, used = [*pieces, ""], 0
        pieces[-1] += sign
        used += width
    return pieces, gsm7


class Carrier(FakeNetwork):
    """The network."""

    def __init__(self, log: Log, *, wall: Callable[[], float]) -> None:
        super().__init__()
        self.receivers: list[Receiver] = []
        self.holds = False
        self.mangles = False
        """Whether it writes letters that are not ASCII as a question mark."""
        self.skew_s = 0.0
        """How wrong its clock is."""
        self._log = log
        self.wall = wall
        self._serial = 0
        self._references: dict[tuple[str, str], dict[int, float]] = {}
        self._left: Counter[int] = Counter()
        """Parts that are still to be delivered, of each SMS."""
        self._air: list[tuple[Piece, Origin | None, int]] = []

    def accept(self, sms: Sms, origin: "tuple[Origin, int] | None") -> None:
        self.accepted.append(sms)
        carried = Sms(sms.sender, sms.to, mangled(sms.text)) if self.mangles else sms
        texts, gsm7 = cut(carried.text)
        if len(texts) != segments(carried.text).parts:
            self._log.wrongs.append(f"counted as {segments(carried.text).parts} SMS: {carried.text[:40]}")
        at = float(int(self.wall() + self.skew_s))
        reference = self._reference(carried, at)
        self._serial += 1
        self._left[self._serial] = len(texts)
        for number, text in enumerate(texts, start=1):
            piece = Piece(carried, self._serial, text, at, gsm7, number, len(texts), reference)
            self._air.append((piece, *(origin or (None, 0))))
        self.settle()

    def send_pieces(self, pieces: list[Piece]) -> None:
        """Let a stranger send SMS that it has cut itself."""
        self._serial += 1
        self._air += [(piece, None, 0) for piece in pieces]
        self.settle()

    def settle(self) -> None:
        if self.holds:
            return
        air, self._air = self._air, []
        for piece, origin, ref in air:
            receiver = next((one for one in self.receivers if one.number == piece.sms.to), None)
            if receiver is not None and not receiver.reachable:
                self._air.append((piece, origin, ref))
                continue
            if receiver is not None:
                receiver.receive(piece)
            if not piece.copy:
                self._left[piece.serial] -= 1
            if origin is not None and not piece.copy and self._left[piece.serial] == 0:
                origin.settle(ref, "failed" if receiver is None else "delivered")

    def _reference(self, sms: Sms, at: float) -> int:
        """Return the first reference that its sender has not used for a while: phones begin theirs anew."""
        used = self._references.setdefault((sms.sender, sms.to), {})
        free = next(one for one in range(REFERENCES) if abs(at - used.get(one, -_APART_S)) >= _APART_S)
        used[free] = at
        return free

    def shuffle(self, random: Random) -> None:
        """Deliver in another order than was sent."""
        random.shuffle(self._air)

    def repeat(self, random: Random) -> None:
        """Deliver one that is held twice."""
        if self._air:
            piece, origin, ref = random.choice(self._air)
            self._log.repeated.add(piece.sms.text)
            copy = replace(piece, copy=True)
            self._air.append((copy, origin, ref))

    def lose(self, random: Random) -> None:
        """Lose one that is held, without a word."""
        own = [one for one in self._air if one[1] is not None]
        if own:
            self._air.remove(random.choice(own))
