"""What a connection, a line and a network may cost the server, and what happens where that cannot be told."""

from dataclasses import dataclass

from sayso.protocol.limits import KIB, LIMITS


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    """What one connection of the stream may cost. All fail closed: over a bound the connection ends or is refused."""

    congested_bytes: int = 512 * KIB
    """Unsent bytes at which a connection is congested: nothing live goes there, and its time runs."""
    flowing_bytes: int = 128 * KIB
    """Unsent bytes at which it no longer is."""
    unsent_bytes: int = 4 * 1024 * KIB
    """Unsent bytes at which it is cut off at once: it goes on asking, and does not read the answers."""
    kernel_bytes: int = 256 * KIB
    """The kernel's send buffer (Linux doubles it). Left to itself it grows to 4 MB for a client that never reads."""
    congested_s: float = 30.0
    """A connection that stays congested this long is closed."""
    login_s: float = LIMITS.challenge_s
    """A connection that has not logged in by then is closed."""
    login_bytes: int = 4 * KIB
    """A message before the login is no longer than this."""
    close_s: float = 2.0
    """After this long a closing connection is cut off."""
    idle_s: float = 30.0
    """A connection that says nothing for so long is asked by a ping whether it is there..."""
    pong_s: float = 20.0
    """...and is closed when it says nothing for so long again: half-open connections end here."""
    handshake_s: float = 5.0
    """The HTTP request that opens a stream has to be whole by then."""
    nuisances: int = 60
    """Pings and unknown frames of one connection that are answered at once..."""
    nuisances_per_s: float = 1.0
    """...and how many more each second; one over this closes the connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodLimits:
    """What all connections, a network and a line may cost together.

    Each says whether it fails open (serves where it cannot tell) or closed (refuses). A network is a /24 or a /48,
    under a key that is drawn at each start; its address is kept nowhere. Loopback is no network: behind a proxy all
    connections come from there, and the proxy counts.
    """

    connections: int = 18_000
    """All streams. Closed: one more is asked to come back later. Lower where the system allows fewer open files."""
    logging_in: int = 2_048
    """Streams that have not logged in. Closed: so many silent ones cannot take the places of those who could."""
    network_connections: int = 2_048
    """Streams of one network; a mobile operator's address translation needs many. Closed."""
    network_logging_in: int = 256
    """Streams of one network that have not logged in. Closed."""
    networks: int = 65_536
    """Networks that are counted at once. Open: those beyond have only the bounds on all streams."""
    line_deposits: int = 4_096
    """Deposits that a line may make at once. Closed: more are refused with `too-many`, and its phone waits..."""
    line_deposits_per_s: float = 20.0
    """...and how many come back each second."""
    line_questions: int = 8_192
    """Recalls and questions that a line may make at once; beyond it the stream is closed. Closed..."""
    line_questions_per_s: float = 40.0
    """...and how many come back each second."""
    remembered_lines: int = 100_000
    """Lines whose budget is remembered while they are away. Open: the one that is fullest is forgotten first."""
