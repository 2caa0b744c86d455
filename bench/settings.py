"""How much of everything."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The size of a measurement."""

    repeat: int = 3
    """Runs of each workload; the figures are medians."""
    warm_up_s: float = 1.0
    seconds: float = 5.0
    """The measured window."""
    sizes: tuple[int, ...] = (1024, 2048)
    """Bytes of an envelope: 1 KiB to compare with other servers, 2 KiB is the smallest real one."""
    pairs: int = 50
    """Sender/recipient pairs online, and senders of deposits."""
    window: int = 32
    """Unanswered deposits of each sender."""
    rate: int = 200
    """Messages a second in the light workload."""
    offline: int = 100
    """Recipients who are away."""
    deposits: int = 800
    """Deposits for each of them."""
    idle: int = 5000
    """Connections that do nothing."""
    logins_at_once: int = 100
    leases_s: float = 1.5
    """Rest after logins: the leases that they renewed are written down once a second."""
    settle_s: float = 3.0
    """Rest before memory is read."""
    waiting: int = 20_000
    """Envelopes that wait when the server is killed."""
    enrolments: int = 400
    """Lines that enrol, each with a number of its own: a thousand at most."""
    workers: int = 2
    """Processes of the server that is compared with one."""
    flooders: int = 8
    """Lines that flood one mailbox."""
    elements: int = 1000
    """Blinded numbers in one request for evaluation."""
    set_lines: int = 1_000_000
    """Lines in the enrolled set."""
    timing_pairs: int = 10_000
    """Requests of each kind whose times are compared."""
    tls: bool = False
    """Serve and drive the streams by TLS, in the server's own process."""
    lean: bool = False
    """Start the server with `--lean-connections`."""
    interpreted: bool = False
    """Run the server from src/, and not with the relay's core compiled."""
    audit_exchanges: int = 6_000
    """Exchanges in the captures that the auditor reads: a hundred megabytes."""
    server_core: int = 0
    driver_core: int = 1

    @property
    def accounts(self) -> int:
        """Lines that are enrolled: as many as the largest workload needs."""
        return max(self.idle, 3 * self.pairs + self.offline + 1 + self.flooders) + 1


QUICK = Settings(
    repeat=1,
    audit_exchanges=60,
    warm_up_s=0.1,
    seconds=0.4,
    sizes=(1024,),
    pairs=4,
    window=8,
    offline=4,
    deposits=25,
    idle=40,
    logins_at_once=20,
    leases_s=0.2,
    settle_s=0.2,
    waiting=100,
    enrolments=8,
    flooders=2,
    elements=20,
    set_lines=2000,
    timing_pairs=20,
)
"""Everything once, in seconds: shows that the bench works, and nothing else."""
