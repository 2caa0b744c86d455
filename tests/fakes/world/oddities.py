"""What nobody should do, and somebody will."""

from dataclasses import replace
from random import Random

from sayso.phone.core.lines import LineState
from sayso.phone.core.outbox import Parcel
from sayso.protocol.content import Kind
from tests.fakes.world.log import Expected
from tests.fakes.world.people import others
from tests.fakes.world.strange import Stranger
from tests.fakes.world.world import NUMBERS, World


class Oddities:
    """Strangers, damage, and versions from the future."""

    def __init__(self, world: World) -> None:
        self._world = world

    def strange_sms(self, number: str, b: int, c: int) -> None:
        """A stranger sends an SMS that is no plain text, if the line's modem gives such away."""
        number = NUMBERS[0] if c % 2 else number  # whose modem gives away the most
        world, station = self._world, self._world.station(number)
        if not station.reachable or world.network.holds:
            return
        name = f"Shop{world.steps}"
        at = float(int(world.clock.wall()))
        stranger = Stranger(name, station.number, serial=-world.steps, at=at, random=Random(b * 1000 + c))
        what = station.takes[b % len(station.takes)](stranger)
        phone = world.phone(number)
        if phone.on and b % 3 == 0:
            phone.dies_in = c % 4  # just while it is being taken
        for piece in what.pieces:
            station.receive(piece)
        world.log.strange.append(Expected(number, name, tuple(what.texts), what.words))

    def strange_content(self, number: str, b: int, _: int) -> None:
        """A kind from the future, or a text that is none."""
        phone = self._world.phone(number)
        if phone.line_state(number) is not LineState.ON:
            return
        with phone.store.transaction("strange"):
            phone.store.outbox.add(
                Parcel(
                    line=phone.lines[number],
                    number=others(number)[b % 3],
                    kind=(99, Kind.TEXT)[b % 2],
                    message_id=phone.random.token_bytes(16),
                    body=b"\xc1",
                )
            )

    def wrong_certificate(self, number: str, _: int, __: int) -> None:
        """A phone shows the certificate of another line until it has a fresh one of its own."""
        phone = self._world.phone(number)
        device = phone.store.lines.device(phone.lines[number])
        theirs = [
            found.certificate
            for other in [self._world.phone(one) for one in others(number)]
            for line in other.lines.values()
            if (found := other.store.lines.device(line)) is not None and found.certificate is not None
        ]
        if device is not None and device.certificate is not None and theirs:
            with phone.store.transaction("wrong-certificate"):
                phone.store.lines.put_device(replace(device, certificate=theirs[0]))

    def forgets_keys(self, number: str, b: int, _: int) -> None:
        """The store was damaged: sessions are gone, and for the worse, the envelope keys too."""
        phone = self._world.phone(number)
        with phone.store.transaction("damage"):
            phone.store.peers._sessions.delete("WHERE line = ?", phone.lines[number])
            if b % 2:
                for key in phone.store.lines.envelope_keys(phone.lines[number]):
                    phone.store.lines.destroy_envelope_key(phone.lines[number], key.key_id)
