"""A fair chance from the Random port."""

from typing import Final

from sayso.phone.ports import Random

_BYTES: Final = 4


def chance(random: Random) -> float:
    """Return a number, uniform in [0, 1)."""
    return int.from_bytes(random.token_bytes(_BYTES), "big") / 256**_BYTES
