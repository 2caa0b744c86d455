"""A peer's token, by the VOPRF, and a peer's keys, by a claim. Only a text or receipt of the owner's causes either."""

from collections.abc import Collection

from sayso.phone.core.lines import Device
from sayso.phone.core.peers import (
    Peer,
    check_bundle,
    discovered,
    not_enrolled,
    reached_under,
    with_bundle,
    without_keys,
)
from sayso.phone.core.texts import Channel, Direction, InState, Text, Word
from sayso.phone.errors import PhoneError, UnreachableError
from sayso.phone.line.statements import current
from sayso.phone.line.world import Reach, World
from sayso.protocol.api import CLAIM_PATH, EVALUATE_PATH, Claim, Claimed, ClaimLine, DeviceBundle, Evaluate, Evaluated
from sayso.protocol.errors import SignatureError
from sayso.protocol.ids import KeyDigest, Token
from sayso.protocol.numbers import PhoneNumber
from sayso.protocol.statement import Epoch
from sayso.protocol.tokens import Blinded, token_from_output, voprf_input


async def evaluate(reach: Reach, device: Device, number: PhoneNumber, epoch: Epoch | None = None) -> Token:
    """Ask the server for a number's token; it learns that one was asked for, and not which.

    Args:
        reach: the ways to the server.
        device: who asks.
        number: whose token.
        epoch: of the statement; the current one by default.

    Raises:
        DiscoveryError: the proof does not fit the statement's key.
        ServerSideError: refused, or no answer.
    """
    epoch = epoch or current(device)[0].epochs[0]
    blinded = Blinded([voprf_input(number)])
    answer = await reach.control.call(EVALUATE_PATH, Evaluate(epoch.epoch, blinded.elements), Evaluated)
    if answer.epoch != epoch.epoch:
        raise UnreachableError("the server evaluated under another epoch than it was asked for")
    (output,) = blinded.finish(answer.evaluated, public_key=epoch.voprf_key)
    return token_from_output(epoch.epoch, output)


class ManyDevicesError(PhoneError):
    """A line has more devices than this version can write to."""


class Claims:
    """Keeps what a line knows of its peers' keys up to date."""

    def __init__(self, world: World, line: bytes, reach: Reach) -> None:
        self._world = world
        self._line = line
        self._reach = reach

    async def claim(self, number: str) -> Peer:
        """Claim a peer's keys and store them.

        Returns:
            The peer; `in_cloud` is NO where nobody is enrolled (or it looks so).

        Raises:
            SignatureError: the server gave keys that do not belong together; nothing was stored.
            ManyDevicesError: the peer has more devices than this version can write to.
            DiscoveryError: the server's proof is wrong.
            ServerSideError: refused, or no answer.
        """
        tried: set[bytes] = set()
        while (token := await self._next_token(number, tried)) is not None:
            tried.add(token)
            request = Claim(self._world.random.token_bytes(16), [ClaimLine(token, self._peer(number).grant)])
            answer = await self._reach.control.call(CLAIM_PATH, request, Claimed)
            if [one.token for one in answer.lines] != [token]:
                raise UnreachableError("the server gave keys of another line than it was asked for")
            devices = answer.lines[0].devices
            if len(devices) > 1:
                raise ManyDevicesError("this line has more devices than this version can write to; update Sayso")
            if devices:
                return self._take(number, token, devices[0])
        return self._nobody(number)

    async def _next_token(self, number: str, tried: Collection[bytes]) -> bytes | None:
        """Return the next token under which a number may be found; None: there is no other one.

        While two epochs overlap a line that has not moved is found under its token of the old one only. A token that a
        message has proven is tried too, if it is of an epoch that this phone has not heard of yet.
        """
        statement, _ = current(self._device())
        for epoch in statement.epochs:
            token = self._peer(number).token_in(epoch.epoch)
            if token is None:
                token = await evaluate(self._reach, self._device(), PhoneNumber(number), epoch)
                with self._world.store.transaction("token"):
                    self._world.store.peers.put(discovered(self._peer(number), token))
            if token not in tried:
                return token
        proven = self._peer(number).token
        return proven if proven not in tried else None

    def nobody_there(self, number: str) -> None:
        """Note, inside the caller's transaction, that the relay knows nobody under the peer's token."""
        self._world.store.peers.put(not_enrolled(self._peer(number)))

    def forget_keys(self, number: str) -> None:
        """Forget a peer's keys, inside the caller's transaction: they are claimed again before the next seal."""
        self._world.store.peers.put(without_keys(self._peer(number)))

    def _nobody(self, number: str) -> Peer:
        with self._world.store.transaction("not-enrolled"):
            self.nobody_there(number)
        return self._peer(number)

    def _take(self, number: str, token: bytes, bundle: DeviceBundle) -> Peer:
        device = self._device()
        check_bundle(bundle, server=KeyDigest(device.server_key), now=int(self._world.clock.wall()))
        before = self._peer(number)
        if bundle.keys.device == device.device:
            raise SignatureError("the server gave this phone its own keys for another number")
        after = with_bundle(reached_under(before, token), bundle)
        word: Text | None = None
        with self._world.store.transaction("claimed"):
            self._world.store.peers.put(after)
            if before.device is not None and (before.device, before.ed25519, before.curve25519) != (
                after.device,
                after.ed25519,
                after.curve25519,
            ):
                word = self._world.store.texts.add(system_word(self._world, self._line, number, Word.KEY_CHANGED))
        if word is not None:
            self._world.news.text_changed(word)
        return after

    def _peer(self, number: str) -> Peer:
        return self._world.store.peers.get(self._line, number)

    def _device(self) -> Device:
        device = self._world.store.lines.device(self._line)
        if device is None:
            raise LookupError("this line has no device")
        return device


def system_word(world: World, line: bytes, number: str, word: Word) -> Text:
    """Make a row in which the phone says something about a thread."""
    return Text(
        line=line,
        number=number,
        message_id=world.random.token_bytes(16),
        direction=Direction.SYSTEM,
        channel=Channel.CLOUD,
        text="",
        state=InState.NEW,
        reason=word,
        at=world.clock.wall(),
    )
