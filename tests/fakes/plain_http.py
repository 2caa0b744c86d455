"""An HTTP server that says exactly the bytes it was told to, from a thread: for clients that wait."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

Talk = Callable[[socket.socket, bytes], None]
"""What to do with a connection, given the head of the request."""


@dataclass
class PlainServer:
    """Where it is, and what it was asked."""

    url: str
    requests: list[bytes] = field(default_factory=list)


@contextmanager
def serving(talk: Talk, host: str = "127.0.0.1") -> Iterator[PlainServer]:
    """Serve, one connection after the other, until leaving."""
    listener = socket.create_server((host, 0))
    server = PlainServer(f"http://{host}:{listener.getsockname()[1]}")

    def work() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                head = b""
                while b"\r\n\r\n" not in head:
                    piece = connection.recv(65536)
                    if not piece:
                        break
                    head += piece
                server.requests.append(head)
                try:
                    talk(connection, head)
                except OSError:
                    continue  # the client has seen enough

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        # Closing alone does not wake a thread that accepts.
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def says(*pieces: bytes) -> Talk:
    """Answer with these bytes, whatever was asked."""

    def talk(connection: socket.socket, _: bytes) -> None:
        for piece in pieces:
            connection.sendall(piece)

    return talk


def files(folder: Path) -> Talk:
    """Hand out the files of a folder, as any static server does, parts of them too."""

    def talk(connection: socket.socket, head: bytes) -> None:
        lines = head.decode("latin-1").split("\r\n")
        file = folder / lines[0].split(" ")[1].lstrip("/")
        if not file.is_file():
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        content = file.read_bytes()
        starts = [line.split("bytes=")[1].rstrip("-") for line in lines if line.lower().startswith("range:")]
        start = int(starts[0]) if starts else 0
        status = (
            f"206 Partial Content\r\nContent-Range: bytes {start}-{len(content) - 1}/{len(content)}"
            if starts
            else "200 OK"
        )
        head_out = f"HTTP/1.1 {status}\r\nContent-Length: {len(content) - start}\r\nConnection: close\r\n\r\n"
        connection.sendall(head_out.encode() + content[start:])

    return talk
