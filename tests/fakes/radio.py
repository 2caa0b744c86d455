"""A SIM in a network, for modems that are looked at: what lies in the storage, what was sent. No clock, no socket."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stored:
    """An SMS, or a delivery report, in the storage."""

    sender: str
    text: str
    at: float
    data: bytes = b""
    """In place of a text, for what is none."""
    header: bytes = b""
    """Its user data header, with the length octet."""
    sms_class: int = -1
    gsm7: bool = True
    report_of: int | None = None
    """The network's reference that a delivery report is about."""
    delivered: bool = True


class Radio:
    """One SIM. The network knows its number and those of `others`, whom nobody switches on."""

    def __init__(self, number: str, *, others: tuple[str, ...] = (), now: float = 1_800_000_000.0) -> None:
        self.present = True
        self.locked = False
        self.covered = True
        self.gone = False
        self.full = False
        self.number = number
        self.imsi = "001010000000001"
        self.operator_code = "00101"
        self.now = now
        self.stored: dict[int, Stored] = {}
        self.accepted: list[tuple[str, str]] = []
        self._others = others
        self._next = 1

    @property
    def readable(self) -> bool:
        return self.present and not self.locked

    def store(self, sms: Stored) -> None:
        self.stored[self._next] = sms
        self._next += 1

    def send(self, to: str, text: str) -> int:
        """Take an SMS; returns the network's reference. The report, where it is due, is stored at once."""
        self.accepted.append((to, text))
        reference = len(self.accepted) % 256
        if to == self.number:
            self.store(Stored(self.number, text, self.now))
        if to not in self._others:
            self.store(Stored(to, "", self.now, report_of=reference, delivered=to == self.number))
        return reference
