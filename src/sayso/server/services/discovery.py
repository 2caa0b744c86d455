"""Discovery: blinded numbers in, evaluated ones out, within the line's budget (design.md §5.2)."""

from collections.abc import Callable, Collection

from sayso.protocol import api
from sayso.protocol.api import ProblemType
from sayso.protocol.errors import DiscoveryError
from sayso.protocol.ids import DeviceId, Token
from sayso.server.core.discovery_budget import Allowance, DiscoveryBudget, batch_digest, record_id
from sayso.server.directory_port import LineStore
from sayso.server.discovery_port import DiscoveryBudgetStore
from sayso.server.errors import Refused
from sayso.server.evaluator_port import Evaluator


class Discovery:
    """Evaluates under the keys of the live epochs."""

    def __init__(
        self,
        *,
        epochs: Callable[[], Collection[int]],
        evaluator: Evaluator,
        lines: LineStore,
        budgets: DiscoveryBudgetStore,
        codes_key: bytes,
        allowance: Allowance,
        running: Callable[[], float],
    ) -> None:
        """Wire it; `epochs` gives the live ones."""
        self._epochs = epochs
        self._evaluator = evaluator
        self._lines = lines
        self._budgets = budgets
        self._codes_key = codes_key
        self._allowance = allowance
        self._running = running

    async def evaluate(self, body: api.Evaluate, *, device: DeviceId) -> api.Evaluated:
        """Evaluate a batch, with one proof for all of it. It is paid for, durably, before the key is used.

        Args:
            body: the batch; the last one once more is free, so an answer that was lost can be asked for again.
            device: who signed the request.

        Raises:
            Refused: another epoch, an element is none, more than the budget holds, or the device is not enrolled.
            StoreError: what has been spent is not known: nothing is evaluated.
        """
        if body.epoch not in self._epochs():
            raise Refused(ProblemType.EPOCH, "This epoch is over: fetch the statement.")
        enrolment = await self._lines.enrolment(device)
        if enrolment is None:
            raise Refused(ProblemType.NOT_ENROLLED, "This device is not enrolled.")
        await self._budgets.spend(
            self._record(enrolment.token_in(body.epoch)),
            batch_digest(body.epoch, body.elements),
            len(body.elements),
            now=self._running(),
            allowance=self._allowance,
        )
        try:
            return api.Evaluated(body.epoch, await self._evaluator.evaluate(body.epoch, body.elements))
        except DiscoveryError as error:
            raise Refused(ProblemType.MALFORMED, "A blinded element is none.") from error

    async def held(self, token: Token) -> DiscoveryBudget | None:
        """Return what is remembered of a line's budget under one of its tokens, for its owner."""
        return await self._budgets.budget(self._record(token))

    def _record(self, token: Token) -> bytes:
        return record_id(self._codes_key, token)
