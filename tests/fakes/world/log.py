"""What happened in a world that its judges have to know."""

from dataclasses import dataclass, field

from sayso.phone.core.texts import Word


@dataclass(frozen=True)
class Sent:
    """A text that somebody wrote."""

    by: str
    to: str
    body: str
    message_id: bytes


@dataclass(frozen=True)
class Expected:
    """What a stranger's SMS is to be on the phone that gets it."""

    to: str
    sender: str
    """Nobody else has it."""
    texts: tuple[str | None, ...]
    """What its rows say; None: whatever could be read."""
    words: frozenset[Word | None]
    """As what it may be shown."""


@dataclass
class Log:
    """What happened."""

    sent: list[Sent] = field(default_factory=list)
    strange: list[Expected] = field(default_factory=list)
    """SMS from strangers that a modem took."""
    books: dict[int, dict[str, str]] = field(default_factory=dict)
    """By phone, whom its owner imported or wrote down: number to name."""
    pushed: set[bytes] = field(default_factory=set)
    """Sent by SMS because their owner said so."""
    doubted: set[bytes] = field(default_factory=set)
    """The same, in doubt."""
    repeated: set[str] = field(default_factory=set)
    """Texts whose SMS the carrier delivered twice."""
    wrongs: list[str] = field(default_factory=list)
