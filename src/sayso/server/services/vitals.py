"""How a running server is: the gauges of `core.metrics`, gathered when somebody asks."""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from sayso.server.core.directory import Counts
from sayso.server.core.relay import relay as core
from sayso.server.ports import Clock
from sayso.server.services.relay_runner import RelayRunner

_COMPILED: Final = not core.__file__.endswith(".py")


class ControlVitals(Protocol):
    """What is asked of the control plane."""

    async def counts(self) -> Counts:
        """Count what the directory holds."""
        ...

    async def without_consent(self) -> int:
        """Count lines without a consent to the present policy."""
        ...

    def jobs(self) -> int:
        """Count jobs under way."""
        ...

    def set_built_at(self) -> float | None:
        """Tell when the enrolled set that is shown was built, Unix seconds."""
        ...


class Vitals:
    """Gathers counts."""

    def __init__(
        self,
        *,
        runner: RelayRunner,
        control: ControlVitals,
        clock: Clock,
        now: Callable[[], float],
        logging_in: Callable[[], int] = int,
    ) -> None:
        """Wire it. The server is up from here on.

        Args:
            runner: the relay's.
            control: the control plane.
            clock: the process's.
            now: the server's running seconds.
            logging_in: counts the streams that have not logged in.
        """
        self._runner = runner
        self._control = control
        self._clock = clock
        self._now = now
        self._since = clock.monotonic()
        self._logging_in = logging_in
        self.stopping = False
        """Whether the signal to stop has come."""

    async def gather(self) -> Mapping[str, float]:
        """Return a value for each of `core.metrics.GAUGES`.

        Raises:
            StoreError: the directory cannot be read.
        """
        held = await self._control.counts()
        built_at = self._control.set_built_at()
        now = self._now()
        relay = self._runner.relay
        passing = relay.counts()
        return {
            "sayso_background_jobs": self._control.jobs(),
            "sayso_codes_pending": held.pending,
            "sayso_commit_seconds": self._runner.committing_s(),
            "sayso_compiled": float(_COMPILED),
            "sayso_connected": passing["connected"],
            "sayso_connections_logging_in": self._logging_in(),
            "sayso_disk_full": float(relay.out_of_space(now=now)),
            "sayso_envelopes_in_doubt": passing["in_doubt"],
            "sayso_envelopes_waiting": passing["waiting"],
            "sayso_envelopes_waiting_bytes": passing["waiting_bytes"],
            "sayso_erasures_pending": held.erasures,
            "sayso_lines": held.enrolments,
            "sayso_lines_asleep": held.lapsed,
            "sayso_lines_without_current_consent": await self._control.without_consent(),
            "sayso_longest_deposit_seconds": relay.longest_deposit_s(now=now),
            "sayso_longest_wait_seconds": relay.longest_wait_s(now=now),
            "sayso_one_time_keys": held.one_time_keys,
            "sayso_set_age_seconds": -1.0 if built_at is None else max(0.0, self._clock.wall() - built_at),
            "sayso_stopping": float(self.stopping),
            "sayso_up_seconds": self._clock.monotonic() - self._since,
        }
