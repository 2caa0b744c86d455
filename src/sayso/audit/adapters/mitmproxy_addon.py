"""Runs inside mitmproxy, in its own environment (`mitmdump -s`): says what the recorder has to know, on stdout.

One JSON object per line, behind a sign that no line of mitmproxy begins with. Nothing of Sayso is imported here: it is
not installed there.
"""

import json
import os
import time
from typing import Any

from mitmproxy import ctx

SIGN = "sayso>"


def _say(**what: object) -> None:
    os.write(1, f"{SIGN} {json.dumps(what)}\n".encode())


class Recorder:
    """The hooks that mitmproxy calls (docs.mitmproxy.org, event hooks)."""

    def running(self) -> None:
        """The proxy listens: where, and for WireGuard how a phone joins."""
        for server in ctx.master.addons.get("proxyserver").servers:
            conf = getattr(server, "client_conf", None)
            addresses = [list(one[:2]) for one in server.listen_addrs]
            _say(event="listening", mode=server.mode.full_spec, addresses=addresses, conf=conf() if conf else None)

    def tls_failed_client(self, data: Any) -> None:
        """An app did not accept our certificate: what it says there, nobody records."""
        server = data.context.server
        host = data.conn.sni or (server.address[0] if server.address else "")
        _say(event="refused", time=time.time(), host=host, port=server.address[1] if server.address else 0)


addons = [Recorder()]
