"""What a server shows of itself to its operator: one table. Counts and ages; nothing that tells lines apart.

A name that is not here is not shown (`adapters.metrics`), and there are no labels but the kind of an event.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

GAUGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "sayso_background_jobs": "Codes and other jobs under way.",
        "sayso_codes_pending": "Numbers that are being verified.",
        "sayso_commit_seconds": "How long the batch that is being written has been under way; 0 when none is.",
        "sayso_compiled": "1 where the relay's core is compiled, 0 where it is interpreted.",
        "sayso_connected": "Devices that are connected.",
        "sayso_connections_logging_in": "Streams that have not logged in.",
        "sayso_disk_full": "1 while the storage takes nothing for want of space.",
        "sayso_envelopes_in_doubt": "Envelopes taken back from a device that has not said whether it had them.",
        "sayso_envelopes_waiting": "Envelopes in mailboxes.",
        "sayso_envelopes_waiting_bytes": "Their bytes.",
        "sayso_erasures_pending": "Devices whose enrolment is gone and whose mailbox has still to go.",
        "sayso_lines": "Enrolled lines, asleep ones too.",
        "sayso_lines_asleep": "Lines whose lease has ended.",
        "sayso_lines_without_current_consent": "Lines whose consent was given to another policy than the present one.",
        "sayso_longest_deposit_seconds": "How long the oldest envelope on its way to the disk has waited for it.",
        "sayso_longest_wait_seconds": "Age of the oldest envelope that waits for a device that is connected.",
        "sayso_one_time_keys": "One-time keys to hand out.",
        "sayso_set_age_seconds": "Age of the enrolled set that is shown; -1 before the first build.",
        "sayso_stopping": "1 from the signal to stop on, while it still serves.",
        "sayso_up_seconds": "Time since this process began to serve.",
    }
)
EVENTS: Final = "sayso_events"
"""A counter, by the kind of event: one of the names that the source logs."""
EVENTS_HELP: Final = "What was logged, by kind."
PROCESS: Final = frozenset(
    {
        "process_cpu_seconds",
        "process_max_fds",
        "process_open_fds",
        "process_resident_memory_bytes",
        "process_start_time_seconds",
        "process_virtual_memory_bytes",
    }
)
"""Of `prometheus_client`'s own, which read /proc/self."""

COMMIT_STUCK_S: Final = 10.0
"""A batch takes milliseconds; one that takes this long waits for a disk that does not answer."""
LONG_WAIT_S: Final = 60.0
"""A connected device acknowledges within milliseconds; one that takes this long is slow, and will be cut off."""


def not_ready(gauges: Mapping[str, float]) -> str | None:
    """Tell, in a few words, why no traffic should be sent here; None where there is no reason."""
    if gauges["sayso_stopping"]:
        return "the server stops"
    if gauges["sayso_commit_seconds"] > COMMIT_STUCK_S:
        return "the disk does not answer"
    if gauges["sayso_disk_full"]:
        return "the disk is full"
    return None
