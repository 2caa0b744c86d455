"""What an update that changes a default asks of the phone."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """What an update left."""

    policy_sha256: bytes | None
    """Of the policy that a current consent is to; None: of the one that this program shows."""
    wrong: str
    """What was wrong, in words for the owner."""
