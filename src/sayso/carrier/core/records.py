"""What the network remembers. Each record is saved and forgotten whole, under its key."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias

from sayso.protocol.modem import SentState

Fate: TypeAlias = Literal["queued", "delivered", "lost", "failed"]
"""Of an SMS that the network has accepted; `lost` is the simulated loss, of which nobody is told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sim:
    """A SIM and its subscription. `modem` is where it is inserted; None: it lies in a drawer."""

    kind: ClassVar[str] = "sim"
    name: str
    number: str = field(repr=False)
    imsi: str = field(repr=False)
    iccid: str = field(repr=False)
    tells_number: bool = True
    locked: bool = False
    modem: str | None = None

    @property
    def key(self) -> str:
        """The SIM's name."""
        return self.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Modem:
    """A modem that a phone attaches to."""

    kind: ClassVar[str] = "modem"
    name: str
    imei: str = field(repr=False)
    coverage: bool = True

    @property
    def key(self) -> str:
        """The modem's name."""
        return self.name


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredSms:
    """An SMS in a SIM's storage. `sent_at` is Unix time in seconds; no index is ever given out twice."""

    kind: ClassVar[str] = "stored"
    index: int
    sim: str
    sender: str = field(repr=False)
    text: str = field(repr=False)
    sent_at: int
    parts: int

    @property
    def key(self) -> str:
        """The index."""
        return str(self.index)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outgoing:
    """An SMS that a modem has taken and the network has not; `due_at` is Unix time in seconds."""

    kind: ClassVar[str] = "outgoing"
    serial: int
    sim: str
    ref: int
    to: str = field(repr=False)
    text: str = field(repr=False)
    due_at: float

    @property
    def key(self) -> str:
        """The serial number."""
        return str(self.serial)


@dataclass(frozen=True, kw_only=True, slots=True)
class SentRef:
    """A reference that a SIM has taken and what became of it.

    `wants_report`: the phone asked for a delivery report; `report_due`: there is one that no phone has heard yet.
    """

    kind: ClassVar[str] = "ref"
    serial: int
    sim: str
    ref: int
    state: SentState
    wants_report: bool
    report_due: bool = False

    @property
    def key(self) -> str:
        """SIM and reference."""
        return f"{self.sim}/{self.ref}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """An SMS that the network has accepted, kept in the journal after its fate. Times are Unix time in seconds.

    `origin` is the SIM and reference to report to, None for SMS from a gateway. `twice`: delivered doubly.
    """

    kind: ClassVar[str] = "message"
    id: int
    sender: str = field(repr=False)
    to: str = field(repr=False)
    text: str = field(repr=False)
    parts: int
    accepted_at: float
    due_at: float
    expires_at: float
    origin: tuple[str, int] | None = None
    twice: bool = False
    held: bool = False
    fate: Fate = "queued"

    @property
    def key(self) -> str:
        """The id."""
        return str(self.id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditions:
    """How well the network works. Times are seconds, probabilities 0 to 1.

    `submit_delay_s` from modem to network, `delay_s` from network to recipient. A message that `reorder` picks is
    held back by up to `reorder_spread_s` more, so that later ones overtake it.
    """

    kind: ClassVar[str] = "conditions"
    delay_s: float = 0.0
    submit_delay_s: float = 0.0
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    reorder_spread_s: float = 5.0

    @property
    def key(self) -> str:
        """There is one."""
        return "conditions"


@dataclass(frozen=True, kw_only=True, slots=True)
class Counter:
    """The next serial number; one sequence for indexes, ids and orders, so that none comes twice."""

    kind: ClassVar[str] = "counter"
    next: int = 1

    @property
    def key(self) -> str:
        """There is one."""
        return "counter"


Record: TypeAlias = Sim | Modem | StoredSms | Outgoing | SentRef | Message | Conditions | Counter
RECORD_TYPES: tuple[type[Record], ...] = (
    Sim,
    Modem,
    StoredSms,
    Outgoing,
    SentRef,
    Message,
    Conditions,
    Counter,
)
