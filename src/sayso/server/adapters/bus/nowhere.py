"""The `Bus` of a server that has one process: there is nobody else."""

from collections.abc import Callable

from sayso.server.cluster_port import Delivery


class Nowhere:
    """Brings nothing to nobody."""

    async def listen(self, node: int, receive: Callable[[bytes], bool]) -> None:
        """See `Bus`."""

    async def deliver(self, node: int, message: bytes) -> Delivery:
        """See `Bus`."""
        del node, message
        return Delivery.NOBODY

    async def close(self) -> None:
        """See `Bus`."""
