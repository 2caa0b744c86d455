"""How many streams come from where, without keeping an address: /24 and /48 under a key of this process."""

import hashlib
import ipaddress
from enum import Enum, auto
from typing import Final, NewType

from sayso.server.core.limits import FloodLimits

NetworkName = NewType("NetworkName", bytes)
"""8 bytes that stand for a network until this process ends."""
_IPV4_PREFIX: Final = 24
_IPV6_PREFIX: Final = 48
_NAME_BYTES: Final = 8


class Standing(Enum):
    """Where a stream stands."""

    LOGGING_IN = auto()
    IN = auto()


class Networks:
    """Counts streams, all of them and by network."""

    def __init__(self, limits: FloodLimits, *, key: bytes) -> None:
        """Count nothing yet; `key`: 32 random bytes, drawn at this start and kept nowhere."""
        self._limits: Final = limits
        self._key: Final = key
        self._open = 0
        self._logging_in = 0
        self._by_network: Final[dict[NetworkName, list[int]]] = {}
        """Streams, and of these how many have not logged in."""

    def name(self, host: str | None) -> NetworkName | None:
        """Name the network of an address; None for loopback and for what is no address."""
        try:
            address = ipaddress.ip_address((host or "").partition("%")[0])
        except ValueError:
            return None
        mapped = getattr(address, "ipv4_mapped", None)
        address = mapped or address
        if address.is_loopback:
            return None
        prefix = _IPV4_PREFIX if address.version == 4 else _IPV6_PREFIX  # noqa: PLR2004  versions of IP
        packed = address.packed[: prefix // 8]
        return NetworkName(hashlib.blake2b(packed, key=self._key, digest_size=_NAME_BYTES).digest())

    def admit(self, network: NetworkName | None) -> bool:
        """Take a stream that has just come; False: there are too many already."""
        limits = self._limits
        if self._open >= limits.connections or self._logging_in >= limits.logging_in:
            return False
        if network is not None:
            counts = self._by_network.get(network)
            if counts is None and len(self._by_network) < limits.networks:
                counts = self._by_network[network] = [0, 0]
            if counts is not None:
                if counts[0] >= limits.network_connections or counts[1] >= limits.network_logging_in:
                    return False
                counts[0] += 1
                counts[1] += 1
        self._open += 1
        self._logging_in += 1
        return True

    def logged_in(self, network: NetworkName | None) -> None:
        """Note that an admitted stream has logged in."""
        self._logging_in -= 1
        counts = None if network is None else self._by_network.get(network)
        if counts is not None:
            counts[1] = max(0, counts[1] - 1)

    def gone(self, network: NetworkName | None, standing: Standing) -> None:
        """Note that an admitted stream is gone."""
        self._open -= 1
        if standing is Standing.LOGGING_IN:
            self.logged_in(network)
        counts = None if network is None else self._by_network.get(network)
        if network is not None and counts is not None:
            counts[0] -= 1
            if counts[0] <= 0:
                del self._by_network[network]

    @property
    def counts(self) -> tuple[int, int]:
        """Return how many streams are open, and how many of these have not logged in."""
        return self._open, self._logging_in
