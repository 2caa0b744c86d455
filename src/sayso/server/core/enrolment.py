"""Rules of enrolment (design.md §5.1): what a consent must say, how a code is drawn, hashed and sent."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Final

from sayso.consent.errors import ConsentError
from sayso.consent.records import VerifiedConsent, read_record
from sayso.protocol.api import Enrol, ProblemType
from sayso.protocol.errors import SignatureError
from sayso.protocol.ids import KeyDigest, same
from sayso.protocol.keys import verify_identity
from sayso.protocol.limits import LIMITS
from sayso.protocol.statement import Policy
from sayso.server.errors import Refused

PENDING_PER_LINE: Final = 3
"""Codes that one number is sent within the ten minutes that a code is good for."""
_CODES: Final = 10**LIMITS.code_digits
_DRAW_BYTES: Final = 4
_FAIR: Final = 256**_DRAW_BYTES // _CODES * _CODES
"""Draws from here on would make the low codes likelier."""


def check_enrolment(body: Enrol, *, server: KeyDigest, policy: Policy) -> VerifiedConsent:
    """Check the consent record and the device's keys against each other, this server and its policy.

    Raises:
        Refused: they do not fit.
    """
    try:
        verify_identity(body.keys, server=server)
    except SignatureError as error:
        raise Refused(ProblemType.MALFORMED, "The device keys are not signed.") from error
    return check_consent(body.consent, device=body.keys.device, ed25519=body.keys.ed25519, server=server, policy=policy)


def check_consent(
    document: dict[str, object], *, device: bytes, ed25519: bytes, server: KeyDigest, policy: Policy
) -> VerifiedConsent:
    """Check a consent record against the device that sends it, this server and its policy.

    Raises:
        Refused: they do not fit.
    """
    try:
        consent = read_record(document)
    except ConsentError as error:
        raise Refused(ProblemType.MALFORMED, "The consent record is malformed or not signed.") from error
    record = consent.record
    if record.kind != "messaging" or record.server_key != server:
        raise Refused(ProblemType.MALFORMED, "The consent was given for something else or to another server.")
    if record.device != device or record.device_key != ed25519:
        raise Refused(ProblemType.MALFORMED, "The consent was given on another device.")
    if record.policy != policy:
        raise Refused(ProblemType.POLICY, "The policy has changed: read it, and agree to it, anew.")
    return consent


def draw_code(random_bytes: Callable[[int], bytes]) -> str:
    """Draw a code, each with the same probability: what lies above the last full range is drawn again."""
    while (drawn := int.from_bytes(random_bytes(_DRAW_BYTES), "big")) >= _FAIR:
        pass
    return f"{drawn % _CODES:0{LIMITS.code_digits}d}"


def code_hash(key: bytes, enrolment: bytes, code: str) -> bytes:
    """Hash a code under a key that is not in the database: a million codes are soon tried."""
    return hmac.digest(key, enrolment + code.encode("ascii"), hashlib.sha256)


def code_fits(key: bytes, enrolment: bytes, code: str, expected: bytes) -> bool:
    """Compare in constant time."""
    return same(code_hash(key, enrolment, code), expected)


def code_text(service: str, code: str) -> str:
    """Return the SMS: who it is from, and the code, which stands last. Phones look for one that names Sayso."""
    name = service if "sayso" in service.casefold() else f"Sayso at {service}"
    return f"{name} code: {code}"
