"""Every Bus against one contract: NATS, and the fake that the cluster's tests use."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from sayso.server.adapters.bus.nats import NatsBus, NatsConfig
from sayso.server.adapters.bus.nowhere import Nowhere
from sayso.server.cluster_port import Bus, Delivery
from sayso.server.errors import ConfigError
from tests.aio import run
from tests.contract.bus import PATIENT_S, BusContract
from tests.fakes.cluster import FakeBus
from tests.fakes.nats_server import NatsServer


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path_factory.mktemp("nats") / "log")
    server.start()
    yield server
    server.stop()


class TestFakeBus(BusContract):
    def open_ends(self, *, answer_s: float = PATIENT_S) -> AbstractAsyncContextManager[tuple[Bus, Bus]]:
        del answer_s  # it knows at once

        @asynccontextmanager
        async def ends() -> AsyncIterator[tuple[Bus, Bus]]:
            listeners: dict[int, Callable[[bytes], bool]] = {}
            yield FakeBus(listeners), FakeBus(listeners)

        return ends()


class TestNatsBus(BusContract):
    @pytest.fixture(autouse=True)
    def _at(self, nats: NatsServer) -> None:
        self.url = nats.url

    def open_ends(self, *, answer_s: float = PATIENT_S) -> AbstractAsyncContextManager[tuple[Bus, Bus]]:
        config = NatsConfig(url=self.url, answer_s=answer_s)

        @asynccontextmanager
        async def ends() -> AsyncIterator[tuple[Bus, Bus]]:
            one, other = [await NatsBus.connect(config, space="test") for _ in range(2)]
            yield one, other
            await one.close()
            await other.close()

        return ends()

    def test_servers_with_other_keys_do_not_hear_each_other(self) -> None:
        async def main() -> None:
            one = await NatsBus.connect(NatsConfig(url=self.url), space="one")
            other = await NatsBus.connect(NatsConfig(url=self.url), space="other")
            await other.listen(2, lambda _: True)
            assert await one.deliver(2, b"hello") is Delivery.NOBODY
            await one.close()
            await other.close()

        run(main())


def test_without_a_nats_the_message_says_what_to_do() -> None:
    async def main() -> None:
        with pytest.raises(ConfigError, match="check --nats"):
            await NatsBus.connect(NatsConfig(url="nats://127.0.0.1:9", first_s=0.5), space="test")

    run(main())


def test_a_server_of_one_process_has_nobody_to_talk_to() -> None:
    async def main() -> None:
        bus = Nowhere()
        await bus.listen(1, lambda _: True)
        assert await bus.deliver(1, b"x") is Delivery.NOBODY
        await bus.close()

    run(main())
