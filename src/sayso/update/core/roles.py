"""The roles of the publishing side: who holds keys, how many must sign, how long a signature is good for.

A **holder** is a person or a machine with one key file, in which lie two keys: Ed25519 and ML-DSA-65. A holder signs
with both. A role's threshold in TUF counts signatures, so it is twice the number of holders. Three holders of whom two
must sign are six keys and a threshold of four: neither one holder (2) nor somebody who can forge one of the two
algorithms (3) gets there. docs/adr/0029 tells why a mix of single keys cannot do that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

KEYS_A_HOLDER: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class RolePlan:
    """What a role is made of."""

    holders: int
    needed: int
    """How many holders must sign."""
    days: int
    """How long a signature is good for."""
    remind_days: int
    """How long before its end the publisher is reminded."""
    online: bool
    """Whether the key lies on the machine that publishes; the others are kept offline."""

    @property
    def threshold(self) -> int:
        """TUF's threshold: signatures, not holders."""
        return self.needed * KEYS_A_HOLDER


ROLES: Final[Mapping[str, RolePlan]] = MappingProxyType(
    {
        "root": RolePlan(holders=3, needed=2, days=365, remind_days=60, online=False),
        "targets": RolePlan(holders=2, needed=2, days=180, remind_days=30, online=False),
        "snapshot": RolePlan(holders=1, needed=1, days=14, remind_days=5, online=True),
        "timestamp": RolePlan(holders=1, needed=1, days=7, remind_days=3, online=True),
    }
)
"""A root holder that is lost can be replaced by the other two. Seven days is how long a mirror can hide a release."""


def holder_names(role: str) -> list[str]:
    """Return the names of a role's holders, which are those of their key files."""
    count = ROLES[role].holders
    return [role] if count == 1 else [f"{role}-{number}" for number in range(1, count + 1)]
