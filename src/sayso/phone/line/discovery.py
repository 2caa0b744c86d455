"""The contacts' tokens, by the VOPRF, in batches: on the clock's account alone, each number once for each epoch."""

from sayso.phone.core.discovery import KnownNumber, batch_size, smaller, to_ask
from sayso.phone.core.lines import Device
from sayso.phone.core.peers import discovered
from sayso.phone.errors import ProblemError, UnreachableError
from sayso.phone.line.statements import current
from sayso.phone.line.world import Reach, World
from sayso.protocol.api import EVALUATE_PATH, Evaluate, Evaluated, ProblemType
from sayso.protocol.numbers import PhoneNumber
from sayso.protocol.statement import Epoch
from sayso.protocol.tokens import Blinded, token_from_output, voprf_input


class ContactDiscovery:
    """Asks for one line."""

    def __init__(self, world: World, line: bytes, reach: Reach) -> None:
        self._world = world
        self._line = line
        self._reach = reach
        self._unanswered: tuple[Epoch, list[PhoneNumber], Blinded] | None = None

    async def ask(self) -> int:
        """Ask for the tokens of contacts that the line does not have; returns how many it got.

        Raises:
            DiscoveryError: the proof does not fit the statement's key.
            ServerSideError: refused, or no answer; what was asked for is asked for again, at no cost, the next time.
        """
        got = 0
        size: int | None = batch_size(current(self._device())[0].limits)
        while size is not None:
            try:
                asked = await self._batch(size)
            except ProblemError as error:
                self._unanswered = None
                if error.problem != ProblemType.LIMIT:
                    raise
                size = smaller(size)
                continue
            if asked == 0:
                break
            got += asked
        return got

    async def _batch(self, size: int) -> int:
        epoch = current(self._device())[0].epochs[0]
        if self._unanswered is not None and self._unanswered[0] == epoch:
            _, numbers, blinded = self._unanswered
        else:
            numbers = self._wanted(epoch.epoch)[:size]
            if not numbers:
                return 0
            blinded = Blinded([voprf_input(number) for number in numbers])
            self._unanswered = (epoch, numbers, blinded)
        body = Evaluate(epoch.epoch, blinded.elements)
        answer = await self._reach.control.call(EVALUATE_PATH, body, Evaluated)
        self._unanswered = None
        if answer.epoch != epoch.epoch:
            raise UnreachableError("the server evaluated under another epoch than it was asked for")
        outputs = blinded.finish(answer.evaluated, public_key=epoch.voprf_key)
        peers = self._world.store.peers
        with self._world.store.transaction("contacts-discovered"):
            for number, output in zip(numbers, outputs, strict=True):
                token = token_from_output(epoch.epoch, output)
                peers.put(discovered(peers.get(self._line, number.e164), token))
        return len(numbers)

    def _wanted(self, epoch: int) -> list[PhoneNumber]:
        peers = self._world.store.peers
        contacts = [KnownNumber(number=one.number, line=one.line) for one in peers.contacts()]
        known = {one.number: peers.find(self._line, one.number) for one in contacts}
        return to_ask(
            contacts,
            line=self._line,
            own_number=self._world.store.lines.get(self._line).number,
            epoch=epoch,
            tokens={
                number: token
                for number, peer in known.items()
                if peer is not None and (token := peer.token_in(epoch)) is not None
            },
        )

    def _device(self) -> Device:
        device = self._world.store.lines.device(self._line)
        if device is None:
            raise LookupError("this line has no device")
        return device
