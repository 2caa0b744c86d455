"""Token buckets, by monotonic seconds: what a line may ask for at once, and what comes back with time."""

from typing import Final

from sayso.protocol.ids import DeviceId
from sayso.server.core.limits import FloodLimits

_SWEEP_EVERY_S: Final = 60.0


class Bucket:
    """A budget that fills again at a fixed rate."""

    __slots__ = ("_at", "_level", "_most", "_per_s")

    def __init__(self, most: float, per_s: float, *, now: float) -> None:
        """Make a full one."""
        self._most = self._level = most
        self._per_s = per_s
        self._at = now

    def take(self, *, now: float) -> bool:
        """Take one; False: there is none left."""
        level = self._level
        if level < 1.0:
            level = self._filled(now)
            self._at = now
            if level < 1.0:
                self._level = level
                return False
        self._level = level - 1.0
        return True

    def missing(self, *, now: float) -> float:
        """Return how much is missing until it is full."""
        return self._most - self._filled(now)

    def _filled(self, now: float) -> float:
        return min(self._most, self._level + (now - self._at) * self._per_s)


class LineBudget:
    """What one line may do: deposits and questions."""

    __slots__ = ("deposits", "questions")

    def __init__(self, limits: FloodLimits, *, now: float) -> None:
        self.deposits = Bucket(limits.line_deposits, limits.line_deposits_per_s, now=now)
        self.questions = Bucket(limits.line_questions, limits.line_questions_per_s, now=now)

    def missing(self, *, now: float) -> float:
        """Return how much is missing until both are full."""
        return self.deposits.missing(now=now) + self.questions.missing(now=now)


class LineBudgets:
    """The budgets of all lines. They outlive connections, so that connecting again fills none."""

    def __init__(self, limits: FloodLimits) -> None:
        self._limits: Final = limits
        self._lines: Final[dict[DeviceId, LineBudget]] = {}
        self._next_sweep = 0.0

    def __len__(self) -> int:
        return len(self._lines)

    def of(self, device: DeviceId, *, now: float) -> LineBudget:
        """Return a line's budget; a full one where none is remembered."""
        if now >= self._next_sweep:
            self._next_sweep = now + _SWEEP_EVERY_S
            self.sweep(now=now)
        budget = self._lines.get(device)
        if budget is None:
            budget = self._lines[device] = LineBudget(self._limits, now=now)
        return budget

    def sweep(self, *, now: float) -> None:
        """Forget full budgets, and the fullest where too many are left."""
        missing = {device: budget.missing(now=now) for device, budget in self._lines.items()}
        for device, amount in missing.items():
            if amount <= 0.0:
                del self._lines[device]
        over = len(self._lines) - self._limits.remembered_lines
        if over > 0:
            for device in sorted(self._lines, key=missing.__getitem__)[:over]:
                del self._lines[device]
