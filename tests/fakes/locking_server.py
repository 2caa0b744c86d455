"""An honest server with registration locks, and a town where a number's SIM changes hands."""

from collections.abc import Callable
from dataclasses import dataclass

from msgspec import Struct

from sayso.phone.errors import ProblemError
from sayso.protocol import api
from sayso.protocol.frames import LockNotice
from sayso.protocol.ids import DeviceId
from sayso.protocol.limits import LIMITS
from sayso.protocol.pin import verifier_of
from sayso.protocol.tokens import evaluate, public_key
from sayso.server.core.lock import Newcomer, arrive, delayed, may_come_in, wait_s
from tests.fakes.honest_server import Enrolment, HonestServer, Pending, ServerLink
from tests.fakes.modem import FakeNetwork
from tests.fakes.phone_clock import FakeClock, SeededRandom
from tests.fakes.phones import ALICE, Phone, Town
from tests.fakes.ratchet import FakeRatchet


@dataclass
class Pin:
    """A PIN and its tries."""

    salt: bytes
    verifier: bytes
    left: int = LIMITS.pin_tries


class LockingServer(HonestServer):
    """Keeps newcomers waiting."""

    def __init__(self, clock: FakeClock, network: FakeNetwork) -> None:
        super().__init__(clock, network)
        self.newcomers: dict[bytes, Newcomer] = {}
        """By the holder's device."""
        self.pins: dict[bytes, Pin] = {}
        """By device."""
        self.tried = 0
        """PINs that were evaluated for newcomers."""

    def more_paths(self, device: DeviceId) -> dict[str, Callable[[Struct], Struct]]:
        """What a device can ask beside what every honest server answers."""
        return {
            api.TRY_PIN_PATH: self._try_pin,
            api.CANCEL_PATH: lambda _: self._cancel(device),
            api.EVALUATE_PIN_PATH: lambda body: self._evaluate(device, body),
            api.PIN_PATH: lambda body: self._set_pin(device, body),
            api.REFUSE_PATH: lambda body: self._refuse(device, body),
            api.DELAY_PATH: lambda body: self._delay(device, body),
        }

    def confirm(self, body: api.Confirm) -> api.Enrolled:
        pending = self.pending.get(body.id)
        if pending is None or pending.code != body.code or pending.answer is not None:
            return super().confirm(body)
        holder = self._holder(pending)
        if holder is None:
            return super().confirm(body)
        device = holder.keys.device
        now, comes = self.clock.wall(), DeviceId(pending.keys.device)
        pin = self.pins.get(device)
        if body.pin is not None and pin is not None and verifier_of(body.pin) == pin.verifier:
            self.pins[comes] = Pin(pin.salt, pin.verifier)
        elif not may_come_in(self.newcomers.get(device), comes, pending.keys.ed25519, now=now):
            self.newcomers[device] = arrive(self.newcomers.get(device), comes, pending.keys.ed25519, now=now)
            self.tell(device)
            lock = api.Lock(wait_s(self.newcomers[device], now=now), 0 if pin is None else pin.left)
            raise ProblemError("locked" if body.pin is None else "pin", "Locked.", lock=lock)
        self.newcomers.pop(device, None)
        return super().confirm(body)

    def login(self, device: bytes, link: ServerLink) -> None:
        super().login(device, link)
        if device in self.newcomers:
            self.tell(device)

    def expire_codes(self) -> None:
        """Let every code that was sent be too old."""
        self.pending = {key: one for key, one in self.pending.items() if one.answer is not None}

    def tell(self, device: bytes) -> None:
        """Tell a holder how long its newcomer has still to wait."""
        link = self.links.get(device)
        if link is not None:
            link.say(LockNotice(wait_s(self.newcomers.get(device), now=self.clock.wall())))

    def _holder(self, pending: Pending) -> Enrolment | None:
        holder = self.of_number(pending.number.e164)
        return None if holder is None or holder.keys == pending.keys else holder

    def _try_pin(self, body: Struct) -> api.PinEvaluated:
        assert isinstance(body, api.TryPin)
        pending = self.pending.get(body.id)
        if pending is None or pending.code != body.code:
            raise ProblemError("code", "This code is wrong, used or expired.")
        holder = self._holder(pending)
        pin = None if holder is None else self.pins.get(holder.keys.device)
        if pin is None or pin.left < 1:
            raise ProblemError("pin", "No tries are left.")
        pin.left -= 1
        self.tried += 1
        return _evaluated(pin.salt, body.element)

    def _cancel(self, device: bytes) -> api.Empty:
        waiting = {holder: one for holder, one in self.newcomers.items() if one.device != device}
        if len(waiting) == len(self.newcomers):
            raise ProblemError("bad-signature", "The server does not know the device.")
        self.newcomers = waiting
        return api.Empty()

    def _evaluate(self, device: bytes, body: Struct) -> api.PinEvaluated:
        assert isinstance(body, api.EvaluatePin)
        self._enrolled(device)
        if body.fresh and device in self.newcomers:
            raise ProblemError("locked", "Another device waits.")
        return _evaluated(b"s" * 16, body.element)

    def _set_pin(self, device: bytes, body: Struct) -> api.Empty:
        assert isinstance(body, api.SetPin)
        self._enrolled(device)
        if body.proof is None:
            self.pins.pop(device, None)
        else:
            self.pins[device] = Pin(b"s" * 16, verifier_of(body.proof))
        return api.Empty()

    def _refuse(self, device: bytes, body: Struct) -> api.LockLeft:
        assert isinstance(body, api.RefuseNewcomer)
        pending = self.pending.get(body.id)
        if pending is None or pending.code != body.code or pending.keys != self._enrolled(device).keys:
            raise ProblemError("code", "This code is wrong, used or expired.")
        del self.pending[body.id]
        self.newcomers.pop(device, None)
        return api.LockLeft(0)

    def _delay(self, device: bytes, body: Struct) -> api.LockLeft:
        assert isinstance(body, api.DelayNewcomer)
        pin = self.pins.get(device)
        if pin is None or verifier_of(body.proof) != pin.verifier:
            raise ProblemError("pin", "The PIN is wrong.")
        if device in self.newcomers:
            self.newcomers[device] = delayed(self.newcomers[device])
        return api.LockLeft(wait_s(self.newcomers.get(device), now=self.clock.wall()))


class LockingTown(Town):
    """A town whose server has locks."""

    def __init__(self) -> None:
        super().__init__()
        self.locks = LockingServer(self.clock, self.network)
        self.server = self.locks

    def move_sim(self, old: Phone) -> Phone:
        """Give a number's SIM to a new phone; the old one has a SIM that the network does not know any more."""
        old.modem.number = "+447700900199"
        new = self.phone(ALICE)
        new.random, new.ratchet = SeededRandom(4711), FakeRatchet(seed=4711)
        return new

    def move_sim_back(self, old: Phone, new: Phone) -> None:
        """The number is the old phone's again."""
        old.modem.number, new.modem.number = ALICE, "+447700900198"


def _evaluated(salt: bytes, element: bytes) -> api.PinEvaluated:
    seed = salt * 2
    return api.PinEvaluated(salt, public_key(seed), evaluate(seed, [element]))
