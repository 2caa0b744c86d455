"""Discovery: blinded numbers in, evaluated ones out (design.md §5.2)."""

from sayso.protocol import api
from sayso.protocol.api import ProblemType
from sayso.protocol.errors import DiscoveryError
from sayso.server.errors import Refused
from sayso.server.evaluator_port import Evaluator


class Discovery:
    """Evaluates under the current epoch's key."""

    def __init__(self, *, epoch: int, evaluator: Evaluator) -> None:
        """Wire it."""
        self._epoch = epoch
        self._evaluator = evaluator

    async def evaluate(self, body: api.Evaluate) -> api.Evaluated:
        """Evaluate a batch, with one proof for all of it.

        Raises:
            Refused: another epoch, or an element is none.
        """
        if body.epoch != self._epoch:
            raise Refused(ProblemType.EPOCH, "This epoch is over: fetch the statement.")
        try:
            return api.Evaluated(self._epoch, await self._evaluator.evaluate(body.elements))
        except DiscoveryError as error:
            raise Refused(ProblemType.MALFORMED, "A blinded element is none.") from error
