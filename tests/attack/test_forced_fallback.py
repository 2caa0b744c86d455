"""A server that lies, or blocks, to have texts go by SMS in clear."""

from collections.abc import Awaitable, Callable

from sayso.phone.core.fallback import Policy, When
from sayso.protocol.frames import Outcome, OutcomeState, Refusal
from tests.aio import run
from tests.fakes.phones import ALICE, BOB, Phone, Town
from tests.fakes.relay_server import RelayServer


def _friends(play: Callable[[Town, RelayServer, Phone, Phone], Awaitable[None]]) -> None:
    async def main() -> None:
        town = Town(RelayServer)
        server = town.server
        assert isinstance(server, RelayServer)
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running(), bob.running():
            await alice.opt_in()
            await bob.opt_in()
            alice.send(BOB, "hello")
            await town.pass_time(2)
            bob.send(ALICE, "hello back")
            await town.pass_time(2)
            await play(town, server, alice, bob)

    run(main())


def _by_sms(town: Town) -> list[str]:
    return [sms.text for sms in town.network.accepted if not sms.text.startswith("Sayso code")]


def test_a_server_that_denies_an_enrolment() -> None:
    """It answers claims and deposits as if Bob had left: the text waits, and Alice is asked."""

    async def play(town: Town, server: RelayServer, alice: Phone, _: Phone) -> None:
        server.refuses, server.refuses_left = Refusal.NOT_ENROLLED, 1000
        server.enrolments = {d: e for d, e in server.enrolments.items() if e is server.of_number(ALICE)}
        sent = alice.send(BOB, "a secret")
        await town.pass_time(24 * 3600)
        assert (alice.state_of(sent), alice.text(sent).reason) == ("queued", "ask")
        assert _by_sms(town) == []

    _friends(play)


def test_a_server_that_is_silent() -> None:
    """It takes no connection: with the policy at first, and with `never`, nothing goes by SMS."""

    async def play(town: Town, server: RelayServer, alice: Phone, _: Phone) -> None:
        server.stop()
        asked = alice.send(BOB, "a secret")
        await town.pass_time(24 * 3600)
        assert (alice.state_of(asked), alice.text(asked).reason) == ("queued", "ask-unreachable")
        alice.service.set_policy(BOB, Policy(undelivered=When.NEVER, unreachable=When.NEVER))
        await town.pass_time(5 * 24 * 3600)
        assert alice.state_of(asked) == "queued"
        await town.pass_time(3 * 24 * 3600)
        assert (alice.state_of(asked), alice.text(asked).reason) == ("failed", "gave-up")
        assert _by_sms(town) == []

    _friends(play)


def test_a_server_that_forgets_what_it_delivered() -> None:
    """It says `unknown` for what Bob has: the text goes on by cloud, is shown once, and no SMS doubles it."""

    async def play(town: Town, server: RelayServer, alice: Phone, bob: Phone) -> None:
        alice.service.set_policy(None, Policy(undelivered=When.AFTER, undelivered_after_s=60, unreachable=When.AFTER))
        device = alice.service.device
        assert device is not None
        stream = server.streams[device.device]
        sent = alice.send(BOB, "once")
        stream.stall(on=True)
        await town.pass_time(1)
        stream.stalled = False
        while stream._up:  # the deposit arrives, and its answer never does
            server.take(stream, stream._up.popleft())
        stream.stalled = True
        await town.pass_time(1)
        stream._down.clear()
        server.disk.outcomes.clear()
        stream.cut()
        await town.pass_time(3600)
        assert [row[2] for row in bob.said(ALICE) if row[0] == "in"].count("once") == 1
        assert _by_sms(town) == []
        assert alice.state_of(sent) in {"delivered", "accepted"}

    _friends(play)


def test_an_outcome_out_of_the_blue_sends_nothing() -> None:
    """`recalled` for what nobody recalled: the text is sealed anew, not sent by SMS."""

    async def play(town: Town, server: RelayServer, alice: Phone, bob: Phone) -> None:
        del bob
        device = alice.service.device
        assert device is not None
        stream = server.streams[device.device]
        stream.stall(on=True)
        alice.send(BOB, "a secret")
        await town.pass_time(1)
        parcel = alice.store.outbox.next_to_send(alice.line, BOB, beside=())
        assert parcel is not None
        assert parcel.handle_hash is not None
        stream.say(Outcome(0, parcel.handle_hash, OutcomeState.RECALLED))
        await town.pass_time(5)
        assert _by_sms(town) == []

    _friends(play)
