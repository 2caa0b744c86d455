"""Both ratchets pass the same suite."""

from sayso.phone.adapters.vodozemac_ratchet import VodozemacRatchet
from sayso.phone.ports import Ratchet
from tests.contract.ratchet import RatchetContract
from tests.fakes.ratchet import FakeRatchet


class TestVodozemac(RatchetContract):
    def make(self) -> Ratchet:
        return VodozemacRatchet(b"k" * 32)


class TestFake(RatchetContract):
    def make(self) -> Ratchet:
        return FakeRatchet()
