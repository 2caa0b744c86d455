"""The world of the server's control plane: time, randomness, and a relay that remembers what it was told."""

import random
from dataclasses import dataclass, field

from sayso.protocol.frames import OutcomeState
from sayso.protocol.ids import DeviceId
from sayso.server.core.lines import Line
from sayso.server.errors import StoreError
from sayso.server.ports import ServerSecrets

WALL = 1_795_000_000.0


@dataclass
class ServerClock:
    """Time that a test moves; `running` is the server's running seconds."""

    seconds: float = 0.0

    def wall(self) -> float:
        return WALL + self.seconds

    def monotonic(self) -> float:
        return 5000.0 + self.seconds

    def running(self) -> float:
        return 100_000.0 + self.seconds


class SeededRandom:
    """Repeatable bytes."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)

    def token_bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)


@dataclass
class FakeRelay:
    """The RelayControl port."""

    lines: dict[DeviceId, Line] = field(default_factory=dict)
    ended: list[tuple[DeviceId, OutcomeState]] = field(default_factory=list)
    waiting: dict[DeviceId, tuple[int, int]] = field(default_factory=dict)
    broken: bool = False
    """Whether the mailbox's storage fails."""

    def line_changed(self, line: Line) -> None:
        self.lines[line.device] = line

    async def end_custody(self, device: DeviceId, state: OutcomeState) -> None:
        if self.broken:
            raise StoreError("the mailbox's storage failed")
        self.lines.pop(device, None)
        self.waiting.pop(device, None)
        self.ended.append((device, state))

    async def holdings(self, device: DeviceId) -> tuple[int, int]:
        return self.waiting.get(device, (0, 0))


def secrets(seed: int = 7) -> ServerSecrets:
    """A keyring's secrets; the same for the same seed."""
    source = random.Random(seed)
    return ServerSecrets(
        long_term=source.randbytes(32),
        certificate=source.randbytes(32),
        receipt=source.randbytes(32),
        registrar_id=3,
        registrar=source.randbytes(96),
        epoch=5,
        voprf=source.randbytes(32),
        codes=source.randbytes(32),
        pins=source.randbytes(32),
    )
