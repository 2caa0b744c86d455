"""Every watcher hears everything, and one that does not listen costs nothing."""

from sayso.phone.adapters.command_feed import UNREAD_EVENTS, CommandFeed
from sayso.phone.command_types import LineChanged
from tests.aio import run
from tests.fakes.commands import event


def test_events_from_entering_to_leaving() -> None:
    async def main() -> None:
        feed = CommandFeed()
        feed.publish(event(0))
        async with feed.subscribe() as one, feed.subscribe() as other:
            feed.publish(event(1))
            feed.publish(event(2))
            assert [await anext(one), await anext(one)] == [event(1), event(2)]
            assert await anext(other) == event(1)
        feed.publish(event(3))
        assert feed._watchers == set()

    run(main())


def test_a_watcher_that_does_not_listen_is_let_go() -> None:
    async def main() -> None:
        feed = CommandFeed()
        async with feed.subscribe() as deaf, feed.subscribe() as keen:
            for n in range(3 * UNREAD_EVENTS):
                feed.publish(event(n))
                assert await anext(keen) == event(n)
            heard: list[LineChanged | object] = [said async for said in deaf]
            assert heard == [event(n) for n in range(UNREAD_EVENTS)]

    run(main())
