"""The enrolled lines as the relay knows them: all of them in memory, kept in step by the control plane."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sayso.protocol.ids import DeviceId, GrantHash, Token


@dataclass(slots=True, kw_only=True)
class Line:
    """What the relay must know of an enrolled line. Loaded at start, kept in step by the control plane."""

    token: Token
    device: DeviceId
    ed25519: bytes
    """The device's signing key: who can log in."""
    grant_hash: GrantHash
    lease_ends: float
    """Running seconds of the server (`core.running_clock`); later than this the line has lapsed."""
    envelope_keys: tuple[int, ...] = ()
    """Ids of the envelope keys that are served; a deposit sealed to another one is stale."""
    one_time_keys: int = 0
    hidden: bool = False
    """Findable by nobody: without the grant it looks like a line that never enrolled."""
    newcomer_until: float | None = None
    """Another device waits for this number (`core.lock`): until then, in running seconds."""
    previous_token: Token | None = None
    """Of the epoch that ends: the line is reached under it too."""

    @property
    def tokens(self) -> tuple[Token, ...]:
        """All tokens that the line is reached under."""
        return (self.token,) if self.previous_token is None else (self.token, self.previous_token)


class LineTable:
    """Lines by token, two of them while epochs overlap, and by device. Today a line has one device."""

    def __init__(self, lines: Iterable[Line] = ()) -> None:
        self._by_token: dict[bytes, Line] = {}
        self._by_device: dict[bytes, Line] = {}
        for line in lines:
            self.put(line)

    def __len__(self) -> int:
        return len(self._by_device)

    def __iter__(self) -> Iterator[Line]:
        return iter(self._by_device.values())

    def put(self, line: Line) -> None:
        """Add a line, or replace what is known of its device."""
        before = self._by_device.get(line.device)
        if before is not None:
            self._drop_tokens(before)
        for token in line.tokens:
            self._by_token[token] = line
        self._by_device[line.device] = line

    def remove(self, device: DeviceId) -> Line | None:
        """Forget a device. A line that another device has taken over in the meantime stays."""
        line = self._by_device.pop(device, None)
        if line is not None:
            self._drop_tokens(line)
        return line

    def _drop_tokens(self, line: Line) -> None:
        for token in line.tokens:
            if self._by_token.get(token) is line:
                del self._by_token[token]

    def by_token(self, token: bytes) -> Line | None:
        """Return the line behind a token, lapsed or not."""
        return self._by_token.get(token)

    def by_device(self, device: bytes) -> Line | None:
        """Return the line of a device, lapsed or not."""
        return self._by_device.get(device)

    def addressable(self, token: bytes, *, now: float) -> Line | None:
        """Return the line behind a token unless its lease has lapsed: then it looks like no line at all."""
        line = self._by_token.get(token)
        return line if line is not None and line.lease_ends > now else None
