"""How certain a match is."""

from dataclasses import replace

import pytest

from sayso.audit.core.findings import Certainty
from sayso.audit.core.hits import Hit
from sayso.audit.core.judge import doubted, is_digest, judge
from tests.fakes.audit_world import findings


@pytest.mark.parametrize(
    ("chain", "bits", "certainty"),
    [
        (("plain",), 50.0, Certainty.CERTAIN),
        (("last-9",), 29.9, Certainty.LIKELY),
        (("last-7",), 23.2, Certainty.POSSIBLE),
        (("nsn",), 33.2, Certainty.CERTAIN),
        (("hex", "sha256"), 256.0, Certainty.CERTAIN),
        (("hex[:8]", "md5"), 32.0, Certainty.POSSIBLE),
        (("hex[:8]", "sha512", "md5"), 32.0, Certainty.HINT),
        (("hex[:12]", "sha512", "md5"), 48.0, Certainty.CERTAIN),
        (("hex[:16]", "md5"), 64.0, Certainty.CERTAIN),
        (("base64[:8]", "sha1"), 48.0, Certainty.CERTAIN),
        (("int32le",), 33.0, Certainty.POSSIBLE),
        (("plain",), 11.0, Certainty.HINT),
    ],
)
def test_bits_decide(chain: tuple[str, ...], bits: float, certainty: Certainty) -> None:
    got, reason = judge(Hit(0, chain, "plain", bits, b"", b"", b""))
    assert got is certainty
    assert reason


def test_a_checksum_is_a_hint() -> None:
    assert judge(Hit(0, ("hex", "crc32"), "plain", 32.0, b"", b"", b"", hint=True))[0] is Certainty.HINT


def test_what_a_digest_is() -> None:
    assert all(is_digest(step) for step in ("md5", "sha3-256", "sha256.salted", "hmac-sha1"))
    assert not any(is_digest(step) for step in ("hex", "plain", "base64", "e164"))


def test_what_a_decoy_was_found_to_be_is_doubted() -> None:
    found = findings(b"x=490154203237518&y=" + b"heron.vexmoor81@example.org")
    decoy = replace(next(one for one in found if one.seed_type == "imei"), seed="decoy")
    after = {one.seed: one for one in doubted(found, [decoy])}
    assert after["imei"].certainty is Certainty.LIKELY
    assert "decoy" in after["imei"].reason
    assert after["email"] in found
