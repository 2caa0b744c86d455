"""Where the web app is found: a random name below `.localhost`, and a port, on this machine alone.

Browsers take every name below `.localhost` for loopback (RFC 6761 §6.3) and ask no resolver. A name of its own keeps
its cookies from the programs on the other ports of `localhost`; a random one cannot be guessed by a page that wants to
rebind DNS. Name and port stay the same from start to start, so that an installed app and a bookmark go on working;
where the port is taken by somebody else, another one is chosen, and no session survives: whoever sits on the old one
could have learned its cookie.
"""

from dataclasses import dataclass
from typing import Final

from sayso.phone.ports import Random

_NAME_BYTES: Final = 10
SUFFIX: Final = ".localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Host name and port."""

    host: str
    port: int

    @property
    def authority(self) -> str:
        """What the Host header says."""
        return f"{self.host}:{self.port}"

    @property
    def origin(self) -> str:
        """What the Origin header says."""
        return f"http://{self.authority}"

    def link(self, code: str) -> str:
        """Return the link that opens a session; the code stands in the fragment, which is never sent."""
        return f"{self.origin}/#open={code}"


def random_host(random: Random) -> str:
    """Make a host name: `sayso-` and 80 random bits."""
    return f"sayso-{random.token_bytes(_NAME_BYTES).hex()}{SUFFIX}"
