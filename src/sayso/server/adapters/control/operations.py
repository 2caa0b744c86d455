"""The control plane in one table: routes, OpenAPI document and the check of the reference come from it."""

from dataclasses import dataclass
from typing import Final

from msgspec import Struct

from sayso.protocol import api
from sayso.protocol.api import ProblemType as P


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One path. All but the statement are POST, with a JSON body, and signed."""

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
    problems=(P.CODE,),
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
    problems=(P.NOT_ENROLLED, P.EPOCH),
)
CERTIFICATE: Final = Operation(
    path=api.CERTIFICATE_PATH,
    name="renew",
    summary="Renew the lease and get a fresh sender certificate.",
    body=api.Empty,
    answer=api.Renewed,
    problems=(P.NOT_ENROLLED,),
)
GRANT: Final = Operation(
    path=api.GRANT_PATH,
    name="setGrant",
    summary="Replace the hash of the line's grant.",
    body=api.SetGrant,
    answer=api.Empty,
    problems=(P.NOT_ENROLLED,),
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

SIGNED: Final = (ENROL, CONFIRM, PUBLISH, CLAIM, EVALUATE, CERTIFICATE, GRANT, WITHDRAW, ME)
