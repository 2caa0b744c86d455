"""The control plane in one table: routes, OpenAPI document and the check of the reference come from it."""

from dataclasses import dataclass
from typing import Final

from msgspec import Struct

from sayso.protocol import api
from sayso.protocol.api import ProblemType as P


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One path. All but what is open to everyone are POST, with a JSON body, and signed."""

    path: str
    name: str
    summary: str
    body: type[Struct]
    answer: type[Struct]
    status: int = 200
    problems: tuple[P, ...] = ()
    """Beside `EVERY_SIGNED`."""


EVERY: Final = (P.TOO_LARGE, P.METHOD, P.UNAVAILABLE, P.INTERNAL)
EVERY_SIGNED: Final = (P.MALFORMED, P.BAD_SIGNATURE, P.BAD_NONCE, P.MEDIA_TYPE, *EVERY)

ENROL: Final = Operation(
    path=api.ENROL_PATH,
    name="enrol",
    summary="Opt in: consent, device keys and the sealed number; a code is sent by SMS.",
    body=api.Enrol,
    answer=api.EnrolPending,
    status=202,
    problems=(P.POLICY, P.EPOCH),
)
CONFIRM: Final = Operation(
    path=api.CONFIRM_PATH,
    name="confirm",
    summary="The code from the SMS; the answer is the receipt and the sender certificate.",
    body=api.Confirm,
    answer=api.Enrolled,
    problems=(P.CODE, P.LOCKED, P.PIN),
)
TRY_PIN: Final = Operation(
    path=api.TRY_PIN_PATH,
    name="tryPin",
    summary="A newcomer's guess at the PIN of a locked number, blinded; the proof of it goes to `confirm`.",
    body=api.TryPin,
    answer=api.PinEvaluated,
    problems=(P.CODE, P.PIN),
)
CANCEL: Final = Operation(
    path=api.CANCEL_PATH,
    name="cancel",
    summary="Stop waiting for a locked number.",
    body=api.Empty,
    answer=api.Empty,
)
PUBLISH: Final = Operation(
    path=api.KEYS_PATH,
    name="publishKeys",
    summary="Publish one-time, fallback and envelope keys.",
    body=api.PublishKeys,
    answer=api.KeysLeft,
    problems=(P.NOT_ENROLLED,),
)
CLAIM: Final = Operation(
    path=api.CLAIM_PATH,
    name="claimKeys",
    summary="Get keys to write to lines.",
    body=api.Claim,
    answer=api.Claimed,
    problems=(P.NOT_ENROLLED, P.LIMIT),
)
EVALUATE: Final = Operation(
    path=api.EVALUATE_PATH,
    name="evaluate",
    summary="Evaluate blinded numbers.",
    body=api.Evaluate,
    answer=api.Evaluated,
    problems=(P.NOT_ENROLLED, P.EPOCH, P.LIMIT),
)
CERTIFICATE: Final = Operation(
    path=api.CERTIFICATE_PATH,
    name="renew",
    summary="Renew the lease and get a fresh sender certificate.",
    body=api.Empty,
    answer=api.Renewed,
    problems=(P.NOT_ENROLLED,),
)
MOVE_EPOCH: Final = Operation(
    path=api.EPOCH_PATH,
    name="moveEpoch",
    summary="Present the line's number once more, to get its token of the current epoch; no code is sent.",
    body=api.MoveEpoch,
    answer=api.Moved,
    problems=(P.NOT_ENROLLED, P.EPOCH),
)
GRANT: Final = Operation(
    path=api.GRANT_PATH,
    name="setGrant",
    summary="Replace the hash of the line's grant.",
    body=api.SetGrant,
    answer=api.Empty,
    problems=(P.NOT_ENROLLED,),
)
EVALUATE_PIN: Final = Operation(
    path=api.EVALUATE_PIN_PATH,
    name="evaluatePin",
    summary="Evaluate the line's own PIN, blinded: to set it, or to delay a newcomer.",
    body=api.EvaluatePin,
    answer=api.PinEvaluated,
    problems=(P.NOT_ENROLLED, P.LOCKED, P.PIN),
)
PIN: Final = Operation(
    path=api.PIN_PATH,
    name="setPin",
    summary="Set, change or remove the PIN of the line's registration lock.",
    body=api.SetPin,
    answer=api.Empty,
    problems=(P.NOT_ENROLLED, P.LOCKED, P.PIN),
)
REFUSE: Final = Operation(
    path=api.REFUSE_PATH,
    name="refuseNewcomer",
    summary="Send away another device that waits for this number, by a fresh code sent to it.",
    body=api.RefuseNewcomer,
    answer=api.LockLeft,
    problems=(P.NOT_ENROLLED, P.CODE),
)
DELAY: Final = Operation(
    path=api.DELAY_PATH,
    name="delayNewcomer",
    summary="Let another device that waits for this number wait 30 days longer, by the PIN.",
    body=api.DelayNewcomer,
    answer=api.LockLeft,
    problems=(P.NOT_ENROLLED, P.PIN),
)
CONSENT: Final = Operation(
    path=api.CONSENT_PATH,
    name="agreeAnew",
    summary="Agree to a policy that has changed: another consent for the same line; the answer is its receipt.",
    body=api.AgreeAnew,
    answer=api.AgreedAnew,
    problems=(P.NOT_ENROLLED, P.POLICY),
)
WITHDRAW: Final = Operation(
    path=api.WITHDRAW_PATH,
    name="withdraw",
    summary="Opt out: everything is erased; the answer is a receipt.",
    body=api.WithdrawConsent,
    answer=api.Withdrawn,
    problems=(P.NOT_ENROLLED,),
)
ME: Final = Operation(
    path=api.ME_PATH,
    name="holdings",
    summary="See all that the server holds of the line.",
    body=api.Empty,
    answer=api.Holdings,
    problems=(P.NOT_ENROLLED,),
)

SIGNED: Final = (
    ENROL,
    CONFIRM,
    TRY_PIN,
    CANCEL,
    PUBLISH,
    CLAIM,
    EVALUATE,
    CERTIFICATE,
    MOVE_EPOCH,
    GRANT,
    EVALUATE_PIN,
    PIN,
    REFUSE,
    DELAY,
    CONSENT,
    WITHDRAW,
    ME,
)
