"""JSON bodies, decoded strictly: unknown members, wrong types and lengths, and trailing bytes are refused."""

from typing import Final, Generic, TypeVar

import msgspec
from msgspec import Struct

from sayso.protocol import api
from sayso.protocol.api import ProblemType
from sayso.server.errors import Refused

BodyT = TypeVar("BodyT", bound=Struct)


class Body(Generic[BodyT]):
    """One kind of body."""

    def __init__(self, struct: type[BodyT]) -> None:
        """Prepare to read bodies of one of `sayso.protocol.api`'s types."""
        self.struct: Final = struct
        self._decoder = msgspec.json.Decoder(struct, strict=True)

    def read(self, raw: bytes) -> BodyT:
        """Decode a body.

        Raises:
            Refused: malformed. What exactly is not said: the message of the decoder could repeat what was sent.
        """
        try:
            return self._decoder.decode(raw)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            detail = "The body is not what docs/reference/control-plane.md gives for this path."
            raise Refused(ProblemType.MALFORMED, detail) from error


ENROL: Final = Body(api.Enrol)
CONFIRM: Final = Body(api.Confirm)
TRY_PIN: Final = Body(api.TryPin)
EVALUATE_PIN: Final = Body(api.EvaluatePin)
SET_PIN: Final = Body(api.SetPin)
REFUSE: Final = Body(api.RefuseNewcomer)
DELAY: Final = Body(api.DelayNewcomer)
PUBLISH: Final = Body(api.PublishKeys)
CLAIM: Final = Body(api.Claim)
EVALUATE: Final = Body(api.Evaluate)
MOVE_EPOCH: Final = Body(api.MoveEpoch)
SET_GRANT: Final = Body(api.SetGrant)
CONSENT: Final = Body(api.AgreeAnew)
WITHDRAW: Final = Body(api.WithdrawConsent)
EMPTY: Final = Body(api.Empty)
