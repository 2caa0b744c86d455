"""The limits hold together: each relation here is one that the protocol's safety rests on."""

import dataclasses

import pytest

from sayso.protocol import stream
from sayso.protocol.limits import DAY, HOUR, KIB, LIMITS, MINUTE, Limits


def test_limits_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        LIMITS.body_bytes = 1  # type: ignore[misc]  # it is frozen, which is what is tested


def test_every_limit_names_its_unit_or_counts() -> None:
    assert all(field.name == field.name.lower() for field in dataclasses.fields(Limits))
    assert (MINUTE, HOUR, DAY, KIB) == (60, 3600, 86400, 1024)


def test_envelopes_double_from_2_to_64_kib() -> None:
    sizes = LIMITS.envelope_sizes_bytes
    assert [size // KIB for size in sizes] == [2, 4, 8, 16, 32, 64]
    assert sizes[-1] == LIMITS.envelope_bytes


def test_three_deposits_of_the_largest_size_fit_into_a_message() -> None:
    assert 3 * (LIMITS.envelope_bytes + 1024) < LIMITS.message_bytes


def test_an_envelope_key_outlives_every_envelope_that_may_be_sealed_to_it() -> None:
    assert LIMITS.envelope_key_accept_s + LIMITS.ttl_max_s <= LIMITS.envelope_key_destroy_s
    assert LIMITS.envelope_key_rotate_s < LIMITS.envelope_key_fresh_s < LIMITS.envelope_key_accept_s


def test_a_certificate_outlives_what_waits_and_is_renewed_in_time() -> None:
    assert LIMITS.certificate_s > LIMITS.ttl_max_s
    assert LIMITS.certificate_s - LIMITS.ttl_max_s > LIMITS.lease_renew_s


def test_a_full_mailbox_stays_within_what_the_ratchet_can_skip() -> None:
    assert LIMITS.mailbox_envelopes + LIMITS.session_unanswered <= 2000
    assert 0 < LIMITS.mailbox_stranger_envelopes < LIMITS.mailbox_envelopes


def test_a_stranger_is_answered_after_a_live_delivery_would_have_been() -> None:
    assert LIMITS.stranger_answer_ms >= LIMITS.live_ack_ms + LIMITS.stranger_tick_ms
    assert LIMITS.stranger_answer_ms % LIMITS.stranger_tick_ms == 0


def test_leases_are_renewed_before_they_end() -> None:
    assert LIMITS.lease_renew_s * 2 < LIMITS.lease_s < LIMITS.enrolment_expiry_s
    assert LIMITS.ttl_min_s < LIMITS.ttl_max_s <= LIMITS.outcome_kept_s


def test_a_message_has_room_for_as_many_small_frames_as_it_may_hold() -> None:
    assert LIMITS.message_bytes >= stream.FRAMES_PER_MESSAGE * 64
