"""What each answer of the relay means for a content on its way."""

from dataclasses import replace

import pytest

from sayso.phone.core.outbox import (
    Next,
    Parcel,
    Stage,
    as_part,
    in_custody,
    judge_deposited,
    judge_outcome,
    judge_refusal,
    judge_wrong_devices,
    unsealed,
)
from sayso.phone.core.outgoing import Outgoing, State, step
from sayso.protocol.frames import OutcomeState, Part, Refusal
from sayso.protocol.limits import LIMITS

READY = Parcel(line=bytes(16), number="+447700900102", kind=1, message_id=b"m" * 16, body=b"", counter=5)
SEALED = replace(
    READY,
    stage=Stage.SEALED,
    token=b"t" * 33,
    device=b"d" * 16,
    envelope_key_id=3,
    handle=b"h" * 32,
    handle_hash=b"H" * 32,
    envelope=b"e",
    grant=b"g" * 32,
)


def test_a_sealed_parcel_is_a_part_and_nothing_else_is() -> None:
    assert as_part(SEALED) == (b"t" * 33, Part(b"d" * 16, 3, b"H" * 32, b"e"))
    for parcel in (READY, in_custody(SEALED, at=1.0)):
        with pytest.raises(ValueError, match="sealed"):
            as_part(parcel)


def test_in_custody_keeps_the_handle_alone() -> None:
    kept = in_custody(SEALED, at=7.0)
    assert (kept.stage, kept.envelope, kept.handle, kept.accepted_at) == (Stage.ACCEPTED, None, b"h" * 32, 7.0)


def test_unsealing_keeps_message_id_and_counter() -> None:
    again = unsealed(SEALED, resend=True)
    assert again == replace(READY, resends=1)
    assert unsealed(SEALED) == READY


@pytest.mark.parametrize("reason", list(Refusal))
def test_a_refusal_never_loses_a_text(reason: Refusal) -> None:
    for tried_before in (False, True):
        verdict = judge_refusal(reason, tried_before=tried_before)
        assert verdict.parcel not in {Next.DROP, Next.ACCEPT}
        if verdict.text is not None:
            assert step(Outgoing(state=State.DEPOSITED), verdict.text).state in {State.DEPOSITED, State.QUEUED}


def test_a_refusal_after_a_lost_answer_proves_nothing() -> None:
    assert judge_refusal(Refusal.NOT_ENROLLED, tried_before=True).parcel is Next.ASK
    assert judge_wrong_devices(tried_before=True).parcel is Next.ASK
    assert judge_refusal(Refusal.NOT_ENROLLED, tried_before=False).not_enrolled
    assert judge_wrong_devices(tried_before=False).parcel is Next.CLAIM_ANEW


def test_deposited() -> None:
    assert judge_deposited(delivered=False).parcel is Next.ACCEPT
    assert judge_deposited(delivered=True).parcel is Next.DROP


@pytest.mark.parametrize("stage", [Stage.SEALED, Stage.ACCEPTED])
@pytest.mark.parametrize("state", list(OutcomeState))
def test_every_outcome_has_a_verdict_that_fits_the_text(stage: Stage, state: OutcomeState) -> None:
    parcel = replace(SEALED, stage=stage)
    verdict = judge_outcome(state, parcel)
    before = State.DEPOSITED if stage is Stage.SEALED else State.ACCEPTED
    after = step(Outgoing(state=before), verdict.text).state if verdict.text else before
    assert {
        Next.ACCEPT: {State.ACCEPTED},
        Next.KEEP: {State.ACCEPTED},
        Next.DROP: {State.ACCEPTED, State.FAILED, State.UNKNOWN},
        Next.NEW_SESSION: {State.QUEUED},
        Next.CLAIM_ANEW: {State.QUEUED},
    }[verdict.parcel] >= {after}


def test_unreadable_ends_with_the_parcel() -> None:
    worn = replace(SEALED, stage=Stage.ACCEPTED, resends=LIMITS.resend_unreadable)
    verdict = judge_outcome(OutcomeState.UNREADABLE, worn)
    assert verdict.parcel is Next.DROP
    assert judge_outcome(OutcomeState.UNREADABLE, replace(worn, resends=0)).parcel is Next.NEW_SESSION
