"""A peer's token, by the VOPRF, and a peer's keys, by a claim. Only a text or receipt of the owner's causes either."""

from dataclasses import replace

from sayso.phone.core.lines import Device
from sayso.phone.core.peers import Peer, check_bundle, not_enrolled, with_bundle, without_keys
from sayso.phone.core.texts import Channel, Direction, InState, Text, Word
from sayso.phone.errors import PhoneError, UnreachableError
from sayso.phone.line.statements import current
from sayso.phone.line.world import Reach, World
from sayso.protocol.api import CLAIM_PATH, EVALUATE_PATH, Claim, Claimed, ClaimLine, DeviceBundle, Evaluate, Evaluated
from sayso.protocol.errors import SignatureError
from sayso.protocol.ids import KeyDigest, Token
from sayso.protocol.numbers import PhoneNumber
from sayso.protocol.tokens import Blinded, token_from_output, voprf_input


async def evaluate(reach: Reach, device: Device, number: PhoneNumber) -> Token:
    """Ask the server for a number's token; it learns that one was asked for, and not which.

    Raises:
        DiscoveryError: the proof does not fit the statement's key.
        ServerSideError: refused, or no answer.
    """
    epoch = current(device)[0].epochs[0]
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
        device = self._device()
        peer = self._world.store.peers.get(self._line, number)
        epoch = current(device)[0].epochs[0].epoch
        token = peer.token
        if token is None or token[0] != epoch:
            token = await evaluate(self._reach, device, PhoneNumber(number))
            with self._world.store.transaction("token"):
                self._world.store.peers.put(replace(self._peer(number), token=token))
        request = Claim(self._world.random.token_bytes(16), [ClaimLine(token, peer.grant)])
        answer = await self._reach.control.call(CLAIM_PATH, request, Claimed)
        if [one.token for one in answer.lines] != [token]:
            raise UnreachableError("the server gave keys of another line than it was asked for")
        devices = answer.lines[0].devices
        if not devices:
            return self._nobody(number)
        if len(devices) > 1:
            raise ManyDevicesError("this line has more devices than this version can write to; update Sayso")
        return self._take(number, device, devices[0])

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

    def _take(self, number: str, device: Device, bundle: DeviceBundle) -> Peer:
        check_bundle(bundle, server=KeyDigest(device.server_key), now=int(self._world.clock.wall()))
        before = self._peer(number)
        if bundle.keys.device == device.device:
            raise SignatureError("the server gave this phone its own keys for another number")
        after = with_bundle(before, bundle)
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
