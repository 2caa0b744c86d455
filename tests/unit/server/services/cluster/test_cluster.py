"""Several nodes as one server, over a bus that loses and repeats: the router, the holder, the control plane's way."""

import asyncio

import pytest

from sayso.protocol.frames import ByeReason, DepositState, OutcomeState, Refusal, Refused
from sayso.protocol.ids import DeviceId
from tests.aio import run
from tests.fakes.cluster import cluster_world, until
from tests.fakes.relay_world import make_line


def texts(count: int, prefix: str = "") -> list[bytes]:
    return [f"{prefix}{number}".encode() for number in range(count)]


def test_a_deposit_reaches_a_device_at_another_node_live_and_its_answer_comes_back() -> None:
    async def main() -> None:
        async with cluster_world() as world:
            one, other, _ = world.nodes
            alice, bob = await one.connect(world.line("alice")), await other.connect(world.line("bob"))
            refs = [alice.send(bob.line, text) for text in texts(50)]
            assert await bob.until(50) == texts(50)
            assert await alice.states(refs) == [DepositState.DELIVERED] * 50
            assert alice.sender.open_tickets == 0
            assert world.record.disk.mail == {}

    run(main(), patience=20)


@pytest.mark.parametrize("seed", range(3))
def test_order_and_once_over_a_bus_that_loses_and_repeats(seed: int) -> None:
    async def main() -> None:
        async with cluster_world() as world:
            world.lossy(seed, 0.4)
            one, other, _ = world.nodes
            alice, bob = await one.connect(world.line("alice")), await other.connect(world.line("bob"))
            for text in texts(20):
                alice.send(bob.line, text)
                await asyncio.sleep(0)
            assert await bob.until(20) == texts(20)
            assert len(bob.link.delivered) == 20

    run(main(), patience=20)


def test_a_mailbox_that_nobody_holds_is_taken_by_who_needs_it() -> None:
    async def main() -> None:
        async with cluster_world() as world:
            one, other, _ = world.nodes
            bob = world.line("bob")
            alice = await one.connect(world.line("alice"))
            ref = alice.send(bob, b"hello")
            assert await alice.states([ref]) == [DepositState.ACCEPTED]
            assert world.record.owners[bob.device] == one.number
            phone = await other.connect(bob)
            assert world.record.owners[bob.device] == other.number
            assert await phone.until(1) == [b"hello"]

    run(main(), patience=20)


def test_order_holds_while_the_recipient_moves_from_node_to_node() -> None:
    async def main() -> None:
        async with cluster_world() as world:
            alice = await world.nodes[0].connect(world.line("alice"))
            bob, got, refs = world.line("bob"), list[bytes](), []
            sent = 0
            for hop in range(6):
                phone = await world.nodes[hop % 3].connect(bob)
                for _ in range(10):
                    refs.append(alice.send(bob, b"%d" % sent))
                    sent += 1
                    await asyncio.sleep(0)
                await asyncio.sleep(0.01)
                got += phone.got
            last = await world.nodes[1].connect(bob)
            await alice.states(refs)
            await until(lambda: len(dict.fromkeys([*got, *last.got])) == sent)
            assert list(dict.fromkeys([*got, *last.got])) == [b"%d" % number for number in range(sent)]

    run(main(), patience=20)


def test_a_device_that_connects_elsewhere_ends_its_connection_here() -> None:
    async def main() -> None:
        async with cluster_world() as world:
            bob = world.line("bob")
            first = await world.nodes[0].connect(bob)
            await world.nodes[1].connect(bob)
            assert [bye.reason for bye in first.link.byes] == [ByeReason.REPLACED]

    run(main(), patience=20)


def test_what_a_node_had_not_answered_when_it_died_is_sent_to_the_next() -> None:
    async def main() -> None:
        async with cluster_world() as world:
            one, other, third = world.nodes
            bob = world.line("bob")
            alice, phone = await one.connect(world.line("alice")), await other.connect(bob)
            phone.link.acks = False
            first = alice.send(bob, b"seen")
            await phone.until(1)
            other.kill()
            again = await third.connect(bob)
            refs = [first, *(alice.send(bob, text) for text in texts(3))]
            assert await again.until(4) == [b"seen", *texts(3)]
            assert len(await alice.states(refs)) == 4

    run(main(), patience=20)


def test_what_a_dying_node_has_taken_is_not_overtaken_by_what_it_has_sent_back() -> None:
    """It is cut off from the record, and its mailbox wanted elsewhere: what came first there may not come last."""

    async def main() -> None:
        async with cluster_world() as world:
            one, other, third = world.nodes
            bob = world.line("bob")
            alice = await one.connect(world.line("alice"))
            (await other.connect(bob)).leave()
            other.store.stuck = asyncio.Event()
            refs = [alice.send(bob, text) for text in texts(2, "early ")]
            await until(lambda: other.runner.relay.holdings(bob.device)[0] == 2)
            moving = asyncio.ensure_future(third.connect(bob))
            await until(lambda: not other.cluster.holder.holds(bob.device))
            refs += [alice.send(bob, text) for text in texts(2, "late ")]
            await asyncio.sleep(0.1)
            other.kill()
            phone = await moving
            assert await phone.until(4) == [*texts(2, "early "), *texts(2, "late ")]
            assert len(await alice.states(refs)) == 4

    run(main(), patience=20)


def test_who_was_sent_back_often_is_taken_in_the_end() -> None:
    """Rounds are counted by node: a way that is looked for anew is not taken for an old one."""

    async def main() -> None:
        async with cluster_world() as world:
            one, other, _ = world.nodes
            bob = world.line("bob")
            world.record.owners[bob.device] = other.number
            alice = await one.connect(world.line("alice"))
            assert isinstance(await alice.answer(alice.send(bob, b"too early")), Refused)
            await other.connect(bob)
            assert await alice.states([alice.send(bob, b"in time")]) == [DepositState.DELIVERED]

    run(main(), patience=20)


def test_what_a_closed_connection_had_sent_is_settled_all_the_same() -> None:
    """Else its node would say for ever that it is under way, and a recall from elsewhere would wait as long."""

    async def main() -> None:
        async with cluster_world() as world:
            one, other, _ = world.nodes
            alice, bob = await one.connect(world.line("alice")), await other.connect(world.line("bob"))
            bob.link.acks = False
            alice.send(bob.line, b"left behind")
            await bob.until(1)
            alice.recall(b"left behind")
            await until(lambda: one.cluster.router._questions)
            alice.leave()
            await until(lambda: not other.cluster.router._far)
            await until(lambda: not one.cluster.router._under_way)
            assert one.cluster.router._open == {}
            await until(lambda: not one.cluster.router._questions)

    run(main(), patience=20)


def test_a_recall_finds_the_envelope_wherever_it_is() -> None:
    async def main() -> None:
        async with cluster_world() as world:
            one, other, third = world.nodes
            bob = world.line("bob")
            alice, carol = await one.connect(world.line("alice")), await third.connect(world.line("carol"))
            await alice.states([alice.send(bob, b"waits")])
            assert (await carol.outcome(carol.recall(b"waits"))).state is OutcomeState.RECALLED
            assert (await carol.outcome(carol.recall(b"waits"))).state is OutcomeState.RECALLED
            assert world.record.disk.mail == {}
            phone = await other.connect(bob)
            phone.link.acks = False
            alice.send(bob, b"left")
            await phone.until(1)
            ref = carol.recall(b"left")
            await asyncio.sleep(0.05)
            phone.link.frames.clear()
            assert (await carol.outcome(ref)).state is OutcomeState.IN_DOUBT
            assert carol.sender.open_questions == 0

    run(main(), patience=20)


@pytest.mark.parametrize("where", ["here", "elsewhere", "nobody's", "unknown"])
def test_a_deposit_costs_one_wherever_the_mailbox_is(where: str) -> None:
    """Also where the router has looked for it before the relay here decides."""

    async def main() -> None:
        async with cluster_world() as world:
            one, other, _ = world.nodes
            alice = await one.connect(world.line("alice"))
            lines = [world.line(f"{number}") if where != "unknown" else make_line(f"{number}") for number in range(4)]
            for line in lines if where in {"here", "elsewhere"} else []:
                (await (one if where == "here" else other).connect(line)).leave()
            alice.give_budget(3)
            answers = [await alice.answer(alice.send(line, b"to " + line.token)) for line in lines]
            refused = [answer.reason if isinstance(answer, Refused) else None for answer in answers]
            first = Refusal.NOT_ENROLLED if where == "unknown" else None
            assert refused == [first, first, first, Refusal.TOO_MANY]

    run(main(), patience=20)


@pytest.mark.parametrize("where", ["here", "elsewhere", "nobody's", "unknown"])
def test_a_question_costs_one_wherever_the_envelope_is(where: str) -> None:
    async def main() -> None:
        async with cluster_world() as world:
            one, other, _ = world.nodes
            alice, bob = await one.connect(world.line("alice")), world.line("bob")
            if where != "unknown":
                carol = await (one if where == "here" else other).connect(world.line("carol"))
                await carol.states([carol.send(bob, text) for text in texts(4)])
            if where == "nobody's":
                await other.cluster.holder.give(bob.device)
            alice.give_budget(3)
            for text in texts(3):
                await alice.outcome(alice.recall(text))
            assert not alice.link.ended
            alice.recall(texts(4)[-1])
            assert alice.link.ended

    run(main(), patience=20)


def test_a_handle_that_nobody_knows_is_unknown() -> None:
    async def main() -> None:
        async with cluster_world() as world:
            alice = await world.nodes[0].connect(world.line("alice"))
            assert (await alice.outcome(alice.recall(b"never sent"))).state is OutcomeState.UNKNOWN

    run(main(), patience=20)


def test_a_token_that_nobody_has_is_not_enrolled() -> None:
    async def main() -> None:
        async with cluster_world() as world:
            alice = await world.nodes[0].connect(world.line("alice"))
            answer = await alice.answer(alice.send(make_line("nobody"), b"x"))
            assert isinstance(answer, Refused)
            assert answer.reason is Refusal.NOT_ENROLLED
            assert alice.sender.open_tickets == 0

    run(main(), patience=20)


def test_a_mailbox_that_is_nowhere_for_a_while_is_no_line_that_is_not_enrolled() -> None:
    """PostgreSQL names a node that does not have it (any more): the sender is to try again, and keeps its message."""

    async def main() -> None:
        async with cluster_world() as world:
            one, other, _ = world.nodes
            bob = world.line("bob")
            world.record.owners[bob.device] = other.number
            alice = await one.connect(world.line("alice"))
            answer = await alice.answer(alice.send(bob, b"x"))
            assert isinstance(answer, Refused)
            assert answer.reason is Refusal.NO_SPACE
            assert alice.sender.open_tickets == 0
            del world.record.owners[bob.device]
            assert await alice.states([alice.send(bob, b"x")]) == [DepositState.ACCEPTED]

    run(main(), patience=20)


def test_a_changed_line_is_looked_at_by_the_node_that_holds_it() -> None:
    async def main() -> None:
        async with cluster_world() as world:
            one, other, _ = world.nodes
            bob = await other.connect(world.line("bob"))
            changed = make_line("bob", lease_ends=bob.line.lease_ends)
            changed.envelope_keys = (99,)
            world.record.lines[changed.device] = changed
            one.cluster.control.line_changed(changed)
            lines = other.runner.relay.lines
            await until(lambda: (held := lines.by_device(bob.line.device)) and held.envelope_keys == (99,))

    run(main(), patience=20)


def test_an_enrolment_ends_wherever_its_mailbox_is() -> None:
    async def main() -> None:
        async with cluster_world() as world:
            one, other, _ = world.nodes
            bob = await other.connect(world.line("bob"))
            alice = await one.connect(world.line("alice"))
            bob.link.acks = False
            alice.send(bob.line, b"x")
            await bob.until(1)
            await one.cluster.control.end_custody(bob.line.device, OutcomeState.GONE)
            assert bob.link.ended
            assert world.record.disk.mail == {}
            assert await one.cluster.control.holdings(bob.line.device) == (0, 0)

    run(main(), patience=20)


def test_idle_mailboxes_are_let_go_and_overdue_ones_taken_up() -> None:
    async def main() -> None:
        async with cluster_world() as world:
            one, other, _ = world.nodes
            bob = world.line("bob")
            alice = await one.connect(world.line("alice"))
            await alice.states([alice.send(bob, b"x")])
            assert await other.cluster.control.holdings(bob.device) == (1, 1)
            await one.cluster.minute()
            await one.cluster.minute()
            assert bob.device not in world.record.owners
            assert alice.line.device in world.record.owners
            for waiting, _ in world.record.disk.mail.values():
                waiting.expires = 0.0
            await other.cluster.minute()
            assert world.record.owners[bob.device] == other.number
            other.runner.sweep()
            await until(lambda: not world.record.disk.mail)

    run(main(), patience=20)


def test_who_is_not_connected_any_more_is_forgotten_by_the_other_node() -> None:
    async def main() -> None:
        async with cluster_world() as world:
            one, other, _ = world.nodes
            alice, bob = await one.connect(world.line("alice")), await other.connect(world.line("bob"))
            await alice.states([alice.send(bob.line, b"x")])
            assert other.cluster.router._far
            alice.leave()
            await until(lambda: not other.cluster.router._far)
            assert one.cluster.router._connections == {}

    run(main(), patience=20)


def test_a_node_that_does_not_hold_a_device_says_so() -> None:
    async def main() -> None:
        async with cluster_world() as world:
            assert not world.nodes[0].cluster.holder.holds(DeviceId(bytes(16)))
            await world.nodes[0].cluster.holder.give(DeviceId(bytes(16)))

    run(main(), patience=20)
