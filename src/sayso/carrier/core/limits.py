"""Every bound of the simulated network in one table."""

from dataclasses import dataclass

MIB = 1024 * 1024
HOUR = 3600


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkLimits:
    """Names carry their units. What is over a bound is refused or waits; it is never dropped."""

    sims: int = 1_000
    modems: int = 1_000
    sim_storage_sms: int = 1_000
    """A SIM that holds this many is full: the SMSC keeps what comes after."""
    sim_storage_bytes: int = 4 * MIB
    """The same by UTF-8 bytes of text, so that announcing a full SIM fits into a phone's socket."""
    queued_sms: int = 10_000
    """Undelivered SMS in the whole network."""
    outgoing_per_sim: int = 100
    """SMS that a modem has taken and the network has not."""
    remembered_refs_per_sim: int = 10_000
    """Sent references that a SIM remembers; the oldest that is settled goes first."""
    journal_sms: int = 10_000
    """SMS that the journal (`sent`) remembers; undelivered ones always."""
    validity_s: int = 72 * HOUR
    """How long the SMSC tries to deliver."""


LIMITS = NetworkLimits()
