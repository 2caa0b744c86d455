"""The short message service centre: takes SMS, keeps them, delivers each when it is due and its SIM can be reached.

    accept ──(loss)──▶ lost                     nobody is told
       │
       └──▶ queued ──▶ delivered                due, and the SIM reachable with room
               └─────▶ failed                   validity over, or the number is nobody's

Per recipient the queue is ordered by due time, then id. A due time is never before that of an earlier message to the
same number, unless `reorder` held that one back: so order is kept even while delays are changed.
"""

import heapq
import re
from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from sayso.carrier.core.ledger import Ledger
from sayso.carrier.core.limits import NetworkLimits
from sayso.carrier.core.records import Message, Sim, StoredSms
from sayso.carrier.core.segments import count_parts
from sayso.carrier.errors import BadValueError, QueueFullError

_NUMBER: Final = re.compile(r"\+?[0-9]{2,15}", re.ASCII)
_ALPHANUMERIC: Final = re.compile(r"[A-Za-z0-9 ._&+-]{1,11}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Settled:
    """A message that reached its fate, and what the recipient's SIM now holds of it: none, one, or two."""

    message: Message
    stored: tuple[StoredSms, ...] = ()


def check_recipient(number: str) -> None:
    """Raise BadValueError unless this is a number or short code."""
    if not _NUMBER.fullmatch(number):
        raise BadValueError("a recipient is a number of 2 to 15 digits, with + in international form")


def check_sender(sender: str) -> None:
    """Raise BadValueError unless this is a number or an alphanumeric sender (3GPP TS 23.040 §9.1.2.5)."""
    if not (_NUMBER.fullmatch(sender) or _ALPHANUMERIC.fullmatch(sender)):
        raise BadValueError("a sender is a number, or at most 11 letters, digits, spaces and ._&+-")


class Smsc:
    """Queue and journal over the ledger's messages."""

    def __init__(self, ledger: Ledger, limits: NetworkLimits, random: Random) -> None:
        self._ledger = ledger
        self._limits = limits
        self._random = random
        self._queues: dict[str, list[tuple[float, int]]] = {}
        self._expiries: list[tuple[float, int]] = []
        self._settled: dict[int, None] = {}
        self._queued = 0
        self._settled_at = 0.0
        for message in ledger.messages.values():
            if message.fate == "queued":
                self._enqueue(message)
            else:
                self._settled[message.id] = None

    @property
    def queued(self) -> int:
        """How many SMS wait for delivery."""
        return self._queued

    def require_room(self, count: int) -> None:
        """Raise QueueFullError unless so many more SMS can be taken."""
        if self._queued + count > self._limits.queued_sms:
            raise QueueFullError("the network holds as many undelivered SMS as it can; try again later")

    def accept(self, *, sender: str, to: str, text: str, origin: tuple[str, int] | None, now: float) -> Message:
        """Take an SMS whose sender, recipient, text and room were checked.

        Args:
            sender: Number or alphanumeric name that the recipient sees.
            to: Number or short code.
            text: At most 255 parts.
            origin: SIM and reference to report to; None for a gateway's.
            now: Unix time in seconds.
        """
        conditions = self._ledger.conditions
        due_at = max(now + conditions.delay_s, self._last_due(to))
        held = self._happens(conditions.reorder)
        if held:
            due_at += self._random.uniform(0.0, conditions.reorder_spread_s)
        message = Message(
            id=self._ledger.serial(),
            sender=sender,
            to=to,
            text=text,
            parts=count_parts(text),
            accepted_at=now,
            due_at=due_at,
            expires_at=now + self._limits.validity_s,
            origin=origin,
            held=held,
            twice=self._happens(conditions.duplicate),
            fate="lost" if self._happens(conditions.loss) else "queued",
        )
        self._ledger.put(message)
        if message.fate == "queued":
            self._enqueue(message)
        else:
            self._to_journal(message)
        return message

    def settle(self, now: float, reachable: Callable[[Sim], bool]) -> list[Settled]:
        """Deliver and give up what is due by `now`; the changes are in the ledger."""
        self._settled_at = now
        done: list[Settled] = []
        while (expiring := self._next_to_expire()) is not None and expiring.expires_at <= now:
            done.append(Settled(self._finish(expiring, delivered=False)))
        for number in list(self._queues):
            done += self._settle_number(number, now, reachable)
        return done

    def next_due(self, reachable: Callable[[Sim], bool]) -> float | None:
        """Return the Unix time in seconds at which `settle` has something to do, if only time passes; or None.

        What was due at the last `settle` and is still here waits for an event, not for time. The time returned may be
        over already: what came due since then was not looked at.
        """
        expiring = self._next_to_expire()
        times = [] if expiring is None else [expiring.expires_at]
        for number, queue in self._queues.items():
            due_at = queue[0][0]
            sim = self._sim(number)
            if due_at > self._settled_at and (sim is None or reachable(sim)):
                times.append(due_at)
        return min(times, default=None)

    def _settle_number(self, number: str, now: float, reachable: Callable[[Sim], bool]) -> list[Settled]:
        done: list[Settled] = []
        sim = self._sim(number)
        if sim is not None and not reachable(sim):
            return done
        while (queue := self._queues.get(number)) and queue[0][0] <= now:
            message = self._ledger.messages[queue[0][1]]
            if sim is None:
                done.append(Settled(self._finish(message, delivered=False)))
                continue
            if not self._has_room(sim, message):
                break
            stored = [self._store(sim, message)]
            if message.twice and self._has_room(sim, message):
                stored.append(self._store(sim, message))
            done.append(Settled(self._finish(message, delivered=True), tuple(stored)))
        return done

    def _store(self, sim: Sim, message: Message) -> StoredSms:
        stored = StoredSms(
            index=self._ledger.serial(),
            sim=sim.name,
            sender=message.sender,
            text=message.text,
            sent_at=max(0, int(message.accepted_at)),
            parts=message.parts,
        )
        self._ledger.put(stored)
        return stored

    def _has_room(self, sim: Sim, message: Message) -> bool:
        held = self._ledger.stored_bytes[sim.name]
        return len(self._ledger.stored[sim.name]) < self._limits.sim_storage_sms and (
            held == 0 or held + len(message.text.encode()) <= self._limits.sim_storage_bytes
        )

    def _finish(self, message: Message, *, delivered: bool) -> Message:
        queue = self._queues[message.to]
        queue.remove((message.due_at, message.id))
        if not queue:
            del self._queues[message.to]
        self._queued -= 1
        finished = replace(message, fate="delivered" if delivered else "failed")
        self._ledger.put(finished)
        self._to_journal(finished)
        return finished

    def _to_journal(self, message: Message) -> None:
        self._settled[message.id] = None
        while len(self._settled) > self._limits.journal_sms:
            oldest = next(iter(self._settled))
            del self._settled[oldest]
            self._ledger.drop(self._ledger.messages[oldest])

    def _enqueue(self, message: Message) -> None:
        insort(self._queues.setdefault(message.to, []), (message.due_at, message.id))
        heapq.heappush(self._expiries, (message.expires_at, message.id))
        self._queued += 1

    def _next_to_expire(self) -> Message | None:
        while self._expiries:
            message = self._ledger.messages.get(self._expiries[0][1])
            if message is not None and message.fate == "queued":
                return message
            heapq.heappop(self._expiries)
        return None

    def _last_due(self, number: str) -> float:
        for due_at, message_id in reversed(self._queues.get(number, [])):
            if not self._ledger.messages[message_id].held:
                return due_at
        return 0.0

    def _sim(self, number: str) -> Sim | None:
        name = self._ledger.sim_of_number.get(number)
        return None if name is None else self._ledger.sims[name]

    def _happens(self, probability: float) -> bool:
        return probability > 0 and self._random.random() < probability
