"""The world's side of the silence test: whoever is asked, answers. Runs in a namespace of its own until it is killed.

UDP 53: every name has an address. TCP on the ports given as arguments: taken. With the route that makes every address
local here, a leak to anywhere has somewhere to go.
"""

import selectors
import socket
import struct
import sys


def _answer(query: bytes) -> bytes:
    """Answer a DNS query with one A record, whatever was asked."""
    question = query[12:]
    head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0)
    return head + question + struct.pack("!HHHIH4s", 0xC00C, 1, 1, 60, 4, socket.inet_aton("10.77.9.9"))


def main() -> None:
    """Answer for ever."""
    ready = selectors.DefaultSelector()
    resolver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    resolver.bind(("0.0.0.0", 53))  # noqa: S104  in a namespace of its own
    ready.register(resolver, selectors.EVENT_READ)
    for port in map(int, sys.argv[1:]):
        listener = socket.create_server(("0.0.0.0", port))  # noqa: S104  the same
        ready.register(listener, selectors.EVENT_READ)
    print("waiting", flush=True)
    kept = []
    while True:
        for key, _ in ready.select():
            if key.fileobj is resolver:
                query, asker = resolver.recvfrom(4096)
                resolver.sendto(_answer(query), asker)
            elif isinstance(key.fileobj, socket.socket):
                kept.append(key.fileobj.accept()[0])


if __name__ == "__main__":
    main()
