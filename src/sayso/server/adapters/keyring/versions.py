"""Versions of the keyring's secrets, and the steps from each to the next: an older keyring opens, and is brought on.

A step adds what its version brought and touches nothing else. It is never changed once released.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from sayso.server.ports import Random

Fields = dict[str, Any]
"""The decoded content of a keyring, of any version."""
KEY_BYTES: Final = 32
VERSION: Final = 3


def brought_on(content: Fields, random: Random) -> Fields | None:
    """Return an older keyring's content as the present version has it; None if it is not older."""
    version = content.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version not in _STEPS:
        return None
    while version in _STEPS:
        content = {**_STEPS[version](content, random), "version": version + 1}
        version += 1
    return content


def _with_pins(content: Fields, random: Random) -> Fields:
    """2: the key of the keys that PINs of registration locks are evaluated under."""
    secrets = content.get("secrets")
    return {
        **content,
        "secrets": {**(secrets if isinstance(secrets, dict) else {}), "pins": random.token_bytes(KEY_BYTES)},
    }


def _with_retiring(content: Fields, _random: Random) -> Fields:
    """3: keys that were replaced, and overlap with their successors."""
    secrets = content.get("secrets")
    return {**content, "secrets": {**(secrets if isinstance(secrets, dict) else {}), "retiring": []}}


_STEPS: Final[Mapping[int, Callable[[Fields, Random], Fields]]] = MappingProxyType({1: _with_pins, 2: _with_retiring})
"""By the version that a step starts from."""
