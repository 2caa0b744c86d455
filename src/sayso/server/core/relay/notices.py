"""Tells a line's device that another one waits for its number: at once, at login, and no oftener than once a day."""

from sayso.protocol.frames import LockNotice
from sayso.protocol.ids import DeviceId
from sayso.protocol.limits import LIMITS
from sayso.server.core.lines import Line


class Notices:
    """Which devices were told, and when. Kept in memory: after a restart of the server they may be told once more."""

    def __init__(self) -> None:
        self._told: dict[DeviceId, float] = {}
        self._warned: set[DeviceId] = set()
        """Devices whose last notice was that somebody waits."""

    def due(self, line: Line, *, now: float) -> LockNotice | None:
        """Return what the connected device of a line is to be told now, if anything; taken as told."""
        device = line.device
        recent = now - self._told.get(device, -LIMITS.lock_notice_s) < LIMITS.lock_notice_s
        if line.newcomer_until is None:
            if not recent:
                self._told.pop(device, None)
            if device not in self._warned:
                return None
            self._warned.discard(device)
            return LockNotice(0)
        if recent:
            return None
        self._told[device] = now
        self._warned.add(device)
        return LockNotice(max(1, int(line.newcomer_until - now)))

    def forget(self, device: DeviceId) -> None:
        """Forget a device whose enrolment ended."""
        self._told.pop(device, None)
        self._warned.discard(device)
