"""Everybody but the phones, in a namespace of their own: whoever is asked, answers. Runs until it is killed.

    python -m sayso.demo.story.everyone OWN-ADDRESS MIRROR-FOLDER

UDP 53: every name has this address. TCP 80: a phone maker's cloud that says yes to everything; under the host name of
the mirror, the files of a folder. A leak to anywhere has somewhere to go.
"""

import selectors
import socket
import struct
import sys
import threading
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

MIRROR: Final = "updates.sayso.example"
USUAL_PORTS: Final = (443, 853, 5222, 8080, 8443)


class _Web(SimpleHTTPRequestHandler):
    """The mirror for its name, the cloud for all others."""

    def do_GET(self) -> None:
        if self.headers.get("Host", "").split(":")[0] == MIRROR:
            super().do_GET()
        else:
            self._agree()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._agree()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
        """Say nothing."""

    def _agree(self) -> None:
        content = b'{"R": 0, "description": "synthetic"}'
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def answer(query: bytes, address: str) -> bytes:
    """Answer a DNS query with one address, whatever was asked; other types than A get an empty answer."""
    end = query.index(b"\0", 12) + 5
    question = query[12:end]
    is_a = question[-4:-2] == b"\0\1"
    head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, int(is_a), 0, 0)
    record = struct.pack("!HHHIH4s", 0xC00C, 1, 1, 60, 4, socket.inet_aton(address)) if is_a else b""
    return head + question + record


def main(address: str, folder: str) -> None:
    """Answer for ever."""
    web = ThreadingHTTPServer(("0.0.0.0", 80), partial(_Web, directory=folder))  # noqa: S104  a namespace of its own
    threading.Thread(target=web.serve_forever, daemon=True).start()
    ready = selectors.DefaultSelector()
    resolver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    resolver.bind(("0.0.0.0", 53))  # noqa: S104  the same
    ready.register(resolver, selectors.EVENT_READ)
    for port in USUAL_PORTS:
        ready.register(socket.create_server(("0.0.0.0", port)), selectors.EVENT_READ)  # noqa: S104  the same
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    kept = []
    while True:
        for key, _ in ready.select():
            if key.fileobj is resolver:
                query, asker = resolver.recvfrom(4096)
                resolver.sendto(answer(query, address), asker)
            elif isinstance(key.fileobj, socket.socket):
                kept.append(key.fileobj.accept()[0])


if __name__ == "__main__":
    main(*sys.argv[1:3])
