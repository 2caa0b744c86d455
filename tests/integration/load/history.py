"""What senders were told and what recipients showed, and whether both can be true of one server.

    nothing lost     what a sender was told is `accepted` or `delivered` is shown, unless its last outcome is `recalled`
    nothing twice    a recipient shows a message once; one that is `recalled` never
    order            of one sender's messages to one recipient, as they were first sent

A device's dedupe by envelope id is part of the protocol (design.md §5.3); how often it was needed is counted.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from sayso.protocol.frames import DepositState, OutcomeState, Refusal

Message: TypeAlias = tuple[int, int, int]
"""Sender, recipient, number: grows with each message from one to the other."""
RETRIABLE: Final = frozenset({Refusal.STOPPING, Refusal.TOO_MANY, Refusal.NO_SPACE})


@dataclass
class History:
    """A log of everything that matters."""

    sent: dict[Message, float] = field(default_factory=dict)
    told: dict[Message, DepositState] = field(default_factory=dict)
    refused: dict[Message, Refusal] = field(default_factory=dict)
    outcomes: dict[Message, OutcomeState] = field(default_factory=dict)
    """The last one that was told."""
    shown: dict[int, list[Message]] = field(default_factory=lambda: defaultdict(list))
    repeated: int = 0
    """Deliveries that a device had had before."""

    def violations(self) -> list[str]:
        """Return what cannot be; nothing, if all is well."""
        return [*self._lost(), *self._twice(), *self._disorder(), *self._contradictions()]

    def _lost(self) -> list[str]:
        seen = {message for messages in self.shown.values() for message in messages}
        taken_back = {m for m, state in self.outcomes.items() if state is OutcomeState.RECALLED}
        return [f"lost: {m}, told {self.told[m].name}" for m in self.told if m not in seen and m not in taken_back]

    def _twice(self) -> list[str]:
        return [
            f"twice: {message}"
            for messages in self.shown.values()
            for message, times in Counter(messages).items()
            if times > 1
        ]

    def _disorder(self) -> list[str]:
        found = []
        for recipient, messages in self.shown.items():
            last: dict[int, int] = {}
            for sender, _, number in messages:
                if number < last.get(sender, -1):
                    found.append(f"order: {sender}→{recipient}: {number} after {last[sender]}")
                last[sender] = max(number, last.get(sender, -1))
        return found

    def _contradictions(self) -> list[str]:
        seen = {message for messages in self.shown.values() for message in messages}
        wrong = [
            f"recalled and shown: {m}" for m, s in self.outcomes.items() if s is OutcomeState.RECALLED and m in seen
        ]
        wrong += [
            f"delivered and not shown: {m}"
            for m, s in self.told.items()
            if s is DepositState.DELIVERED and m not in seen
        ]
        wrong += [f"refused: {m} {reason.name}" for m, reason in self.refused.items() if reason not in RETRIABLE]
        return wrong + [f"recalled, then {s.name}: {m}" for m, s in self.outcomes.items() if s is OutcomeState.UNKNOWN]

    def counts(self) -> dict[str, int]:
        """Return how much happened."""
        return {
            "sent": len(self.sent),
            "told": len(self.told),
            "recalled": sum(state is OutcomeState.RECALLED for state in self.outcomes.values()),
            "shown": sum(map(len, self.shown.values())),
            "repeated": self.repeated,
        }
