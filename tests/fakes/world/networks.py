"""What networks and the server do."""

from random import Random
from typing import Final

import msgspec

from sayso.phone.core.fallback import GIVE_UP_S
from sayso.protocol.frames import Refusal
from sayso.protocol.ids import DeviceId, Token
from sayso.server.core.lock import arrive
from tests.fakes.honest_server import EPOCH
from tests.fakes.world.world import NUMBERS, World

_SKEWS_S: Final = (0.0, 0.0, 5_000.0, -5_000.0, -300 * 86_400.0)


class Networks:
    """The way to the server, the carrier, and the server itself."""

    def __init__(self, world: World) -> None:
        self._world = world

    def stall(self, number: str, _: int, __: int) -> None:
        """Nothing passes on a stream, and nothing is lost."""
        stream = self._world.phone(number).stream(number)
        if stream is not None:
            stream.stall(on=True)

    def flow(self, number: str, _: int, __: int) -> None:
        """It goes on."""
        stream = self._world.phone(number).stream(number)
        if stream is not None:
            stream.stall(on=False)

    def cut(self, number: str, b: int, _: int) -> None:
        """A stream breaks."""
        self._world.server.chance = Random(b)
        stream = self._world.phone(number).stream(number)
        if stream is not None:
            stream.cut()

    def data_off(self, number: str, b: int, c: int) -> None:
        """No data connection."""
        self._world.cut_off.add(number)
        self.cut(number, b, c)

    def data_on(self, number: str, _: int, __: int) -> None:
        """A data connection."""
        self._world.cut_off.discard(number)

    # ---- the carrier ----

    def carrier_holds(self, _: str, __: int, ___: int) -> None:
        """SMS wait."""
        self._world.network.holds = True

    def carrier_delivers(self, _: str, __: int, ___: int) -> None:
        """SMS wait no longer."""
        self._world.network.holds = False
        self._world.network.settle()

    def carrier_shuffles(self, _: str, b: int, __: int) -> None:
        """SMS that wait change places."""
        self._world.network.shuffle(Random(b))

    def carrier_repeats(self, _: str, b: int, __: int) -> None:
        """One that waits comes twice."""
        self._world.network.repeat(Random(b))

    def carrier_loses(self, _: str, b: int, __: int) -> None:
        """One that waits is lost."""
        self._world.network.lose(Random(b))

    def carrier_clock(self, _: str, b: int, __: int) -> None:
        """Its clock is set, right or wrong."""
        self._world.network.skew_s = _SKEWS_S[b % len(_SKEWS_S)]

    def mangles(self, _: str, b: int, __: int) -> None:
        """It leaves letters as they are, or does not."""
        self._world.network.mangles = b % 3 > 0

    # ---- the server ----

    def server_stop(self, _: str, b: int, __: int) -> None:
        """It is gone."""
        self._world.server.chance = Random(b)
        self._world.server.stop()

    def server_start(self, _: str, __: int, ___: int) -> None:
        """It is there."""
        self._world.server.start()

    def server_crash(self, _: str, b: int, __: int) -> None:
        """It dies, and starts from what was durable."""
        self._world.server.chance = Random(b)
        self._world.server.crash()

    def lapse(self, number: str, _: int, __: int) -> None:
        """The lease of a line that is not connected ends."""
        device = self._world.phone(number).store.lines.device(self._world.phone(number).lines[number])
        if device is not None and self._world.phone(number).stream(number) is None:
            self._world.server.lapse(device.device)

    def newcomer(self, number: str, b: int, _: int) -> None:
        """A stranger's phone confirms a code for an enrolled number, and waits for it."""
        server = self._world.server
        holder = server.of_number(number)
        if holder is not None:
            stranger, now = Random(b), self._world.clock.wall()
            device = DeviceId(stranger.randbytes(16))
            server.newcomers[holder.keys.device] = arrive(None, device, stranger.randbytes(32), now=now)
            server.tell(holder.keys.device)

    def refuses(self, _: str, b: int, c: int) -> None:
        """It does not take some deposits, for one reason or another."""
        self._world.server.refuses = [None, *Refusal][b % (len(Refusal) + 1)]
        self._world.server.refuses_left = c % 4

    def expires(self, _: str, __: int, ___: int) -> None:
        """The time of everything that waits is over."""
        self._world.server.expire()

    def clock_set(self, _: str, b: int, __: int) -> None:
        """Everybody's clock is set."""
        self._world.clock.jump((GIVE_UP_S + 60, -3600.0, 3600.0)[b % 3])

    def publish(self, _: str, b: int, c: int) -> None:
        """The enrolled set is built anew."""
        publisher = self._world.publisher
        for number in NUMBERS:
            if self._world.server.of_number(number) is not None:
                publisher.enrol(number)
        if b % 5 == 1:  # the set outgrows its shape
            publisher.tokens += [Token(bytes([EPOCH]) + Random(c + place).randbytes(32)) for place in range(100)]
        shown = publisher.publish()
        if b % 5 == 0:  # larger than a phone takes
            large = [msgspec.structs.replace(one, count=10**9) for one in shown.sets]
            publisher.show(msgspec.structs.replace(shown, sets=large))

    def two_faces(self, number: str, b: int, _: int) -> None:
        """One line is shown another statement than the rest; or is not any more."""
        device = self._world.phone(number).store.lines.device(self._world.phone(number).lines[number])
        if b % 2 or device is None:
            self._world.server.faces.clear()
        else:
            self._world.server.faces[device.device] = {**self._world.server.voprf_keys, EPOCH + 7: bytes([9]) * 32}

    def other_statement(self, _: str, __: int, ___: int) -> None:
        """It states another certificate key."""
        if self._world.server.other_certificate_key is None:
            self._world.server.rotate_certificate_key()

    def epoch(self, _: str, __: int, ___: int) -> None:
        """Another epoch begins."""
        if len(self._world.server.voprf_keys) == 1:
            self._world.server.rotate_voprf()
