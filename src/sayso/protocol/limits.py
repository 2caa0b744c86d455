"""Every size, count and time that both sides must know, in one table (design.md §5, §10)."""

from dataclasses import dataclass

KIB = 1024
MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """The protocol's limits; names carry their units. Times are seconds."""

    protocol_version: int = 1
    message_bytes: int = 256 * KIB
    """A WebSocket message, list and all."""
    envelope_sizes_bytes: tuple[int, ...] = tuple(n * KIB for n in (2, 4, 8, 16, 32, 64))
    """An envelope has one of these sizes, so that its length tells next to nothing."""
    envelope_bytes: int = 64 * KIB
    body_bytes: int = 48 * KIB
    """UTF-8 bytes of one text."""
    devices_per_line: int = 8
    """Room on the wire; today a line has one device."""
    unacknowledged_envelopes: int = 256
    live_ack_ms: int = 250
    """An envelope acknowledged within this time never touches a disk."""
    stranger_answer_ms: int = 300
    """A deposit without the grant is answered no earlier than this after it came..."""
    stranger_tick_ms: int = 50
    """...and then only on this grid: the same for a phone that is on and one that is off."""
    stranger_recall_s: int = 10 * MINUTE
    """Before this age a sender without the grant learns nothing but `accepted`."""
    ttl_max_s: int = 7 * DAY
    ttl_min_s: int = MINUTE
    outcome_kept_s: int = 14 * DAY
    mailbox_envelopes: int = 1500
    """Stays below the 2,000 messages that Olm can skip."""
    mailbox_stranger_envelopes: int = 500
    """Of these, from senders without the grant: strangers cannot jam a mailbox for contacts."""
    mailbox_bytes: int = 16 * 1024 * KIB
    lease_s: int = 72 * HOUR
    lease_renew_s: int = 12 * HOUR
    """A stream that stays open renews its lease this often."""
    enrolment_expiry_s: int = 28 * DAY
    certificate_s: int = 8 * DAY
    """Longer than the TTL, so that what waited can still be checked."""
    clock_gap_s: int = 10 * MINUTE
    """A longer stop or jump of the clock does not count as running time (design.md §5.3)."""
    code_digits: int = 6
    code_tries: int = 5
    code_s: int = 10 * MINUTE
    lock_wait_s: int = 7 * DAY
    """So long a newcomer waits for a number under which another device is enrolled..."""
    lock_pin_wait_s: int = 30 * DAY
    """...and so much longer at most, if that device's owner says so with the PIN."""
    lock_kept_s: int = 7 * DAY
    """A newcomer whose wait is over may come within this time; then it begins anew."""
    lock_notice_s: int = DAY
    """The holder of a number is told of a newcomer no oftener than this."""
    pin_tries: int = 10
    """In all, until the right PIN, or a new one: for newcomers, and as many for the enrolled device itself."""
    challenge_s: int = 30
    """A login must follow the server's hello within this time."""
    nonce_s: int = 5 * MINUTE
    one_time_keys: int = 50
    one_time_keys_low: int = 20
    """The phone refills when fewer are left."""
    fallback_key_rotate_s: int = 10 * DAY
    envelope_key_rotate_s: int = 2 * DAY
    envelope_key_fresh_s: int = 4 * DAY
    """A sender asks again for an envelope key that is older."""
    envelope_key_accept_s: int = 7 * DAY
    """A sender never seals to an older one: with the TTL it would outlive the private key."""
    envelope_key_destroy_s: int = 14 * DAY
    session_unanswered: int = 500
    """A new Olm session after so many messages without an answer."""
    resend_unreadable: int = 2
    """How often a message that could not be read is sent again through a new session."""
    evaluations_per_request: int = 1000
    claims_per_request: int = 100
    discovery_bucket: int = 2000
    """New numbers that a line may ask for at once..."""
    discovery_per_day: int = 200
    """...and how many a day come back after that. The statement has what its server allows."""
    limiter_kept_s: int = 30 * DAY
    """No record of a budget is kept longer, and it is kept only until the bucket is full again."""
    set_build_s: int = 4 * HOUR
    """The enrolled set is built when the wall clock (UTC) passes a multiple of this."""
    set_changes: int = 42
    """So many builds back a phone can come up to date by changes alone: a week."""
    set_manifest_bytes: int = 512 * KIB
    set_lapsed_min_s: int = 3 * DAY
    """A line that lapsed leaves the set no earlier than this after its lease ended..."""
    set_lapsed_max_s: int = 10 * DAY
    """...and no later: in between at a moment drawn once."""
    request_bytes: int = 256 * KIB
    """An HTTP body."""
    hour_s: int = HOUR
    """An hour key lives this long."""
    heartbeat_s: int = MINUTE
    key_overlap_s: int = 14 * DAY
    """After a rotation a key of the server and the one before it live side by side so long; then the old one goes."""
    statement_grace_s: int = DAY
    """So long a new certificate or receipt key is only stated, and phones take differing statements for a change."""


LIMITS = Limits()
