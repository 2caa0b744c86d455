"""How certain a match is, and why."""

import math
from collections.abc import Iterable
from dataclasses import replace

from sayso.audit.core.digests import ALGORITHMS
from sayso.audit.core.findings import Certainty, Finding
from sayso.audit.core.hits import Hit

CERTAIN_BITS = 33.0
"""Ten digits that stand alone: of captures with a million such numbers, one in ten thousand has it by chance."""
LIKELY_BITS = 26.0
POSSIBLE_BITS = 12.0
_DIGEST_FIRST_BITS = 8.0
"""A seed has some hundreds of digests: a cut one has as many chances."""
_DIGEST_SECOND_BITS = 14.0
"""And some thousands of digests of digests."""
_SHORT_BITS = 36.0
_SHORT_NAMES_BITS = 8.0
"""Programs name builds, files and parts of pages by eight or nine hex digits; nobody hashes twice for so few."""
_PACKED = ("int", "varint", "bcd", "digits")
_PACKED_BITS = 8.0
"""Machine integers are met amid bytes that are anything but random: zeros, counters, pictures."""


def is_digest(step: str) -> bool:
    """Whether a step of a chain is a digest, salted and keyed ones too."""
    return step.removeprefix("hmac-").partition(".")[0] in ALGORITHMS


def weight(hit: Hit) -> float:
    """Bits that speak for a match, after what speaks against its kind."""
    digests = sum(is_digest(step) for step in hit.chain)
    bits = hit.bits
    if digests:
        bits -= _DIGEST_FIRST_BITS if digests == 1 else _DIGEST_SECOND_BITS
        if digests > 1 and hit.bits <= _SHORT_BITS:
            bits -= _SHORT_NAMES_BITS
    elif hit.chain[-1].startswith(_PACKED):
        bits -= _PACKED_BITS
    return bits


def judge(hit: Hit) -> tuple[Certainty, str]:
    """Certainty and its reason in a few words."""
    bits = weight(hit)
    if hit.hint:
        return Certainty.HINT, "a checksum: one value in four thousand million has it"
    odds = f"{bits:.0f} bits: by chance once in 10^{max(bits, 0) * math.log10(2):.0f} places"
    cut = next((step for step in hit.chain if step.endswith("]")), "")
    what = f"a cut digest ({cut}), {odds}" if cut else odds
    if bits >= CERTAIN_BITS:
        return Certainty.CERTAIN, what
    if bits >= LIKELY_BITS:
        return Certainty.LIKELY, what
    if bits >= POSSIBLE_BITS:
        return Certainty.POSSIBLE, f"short: {what}"
    return Certainty.HINT, f"too short to prove anything: {what}"


def shape(finding: Finding) -> tuple[str, str, tuple[str, ...]]:
    """What a decoy's finding casts doubt on: findings of the same type that were met in the same way."""
    return finding.seed_type, finding.form, finding.chain


def doubted(findings: Iterable[Finding], decoys: Iterable[Finding]) -> tuple[Finding, ...]:
    """Lower by one what a decoy was found to be by mistake."""
    doubtful = {shape(one) for one in decoys}
    return tuple(
        replace(
            one, certainty=Certainty(max(one.certainty - 1, 0)), reason=f"a decoy was met in the same way; {one.reason}"
        )
        if shape(one) in doubtful
        else one
        for one in findings
    )
