"""A bare picows server with the stream's settings: the floor of what a connection can cost. Prints its port."""

import uvloop
from picows import WSListener, ws_create_server

from sayso.protocol.limits import LIMITS


async def serve() -> None:
    """Serve until killed."""
    server = await ws_create_server(
        lambda _request: WSListener(),
        "127.0.0.1",
        0,
        max_frame_size=LIMITS.message_bytes,
        read_buffer_init_size=2048,
        enable_auto_ping=True,
        auto_ping_idle_timeout=30,
        auto_ping_reply_timeout=20,
        backlog=1024,
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
