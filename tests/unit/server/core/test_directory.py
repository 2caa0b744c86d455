"""Records of the directory."""

from sayso.protocol.ids import GrantHash, Token, grant_hash
from sayso.protocol.keys import DeviceKeys
from sayso.server.core.directory import NO_GRANT, Enrolment


def test_an_enrolment_is_its_devices() -> None:
    enrolment = Enrolment(
        token=Token(b"\5" + b"t" * 32),
        commitment=b"c" * 32,
        keys=DeviceKeys(b"d" * 16, b"e" * 32, b"c" * 32, b"s" * 64),
        grant_hash=GrantHash(b"g" * 32),
        findable="everyone",
        lease_ends=1.0,
        receipt_sha256=b"r" * 32,
        policy_sha256=b"p" * 32,
        enrolled_on="2026-11-22",
    )
    assert enrolment.device == b"d" * 16


def test_no_grant_is_the_hash_of_nothing_that_is_easily_tried() -> None:
    assert NO_GRANT not in {grant_hash(b""), grant_hash(bytes(32))}
