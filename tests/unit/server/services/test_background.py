"""Jobs that outlive their request."""

import asyncio

import pytest
from structlog.testing import capture_logs

from sayso.protocol.api import ProblemType
from sayso.server.errors import Refused, ServerError
from sayso.server.services.background import Background
from tests.aio import run


def test_a_job_runs_after_its_starter_went_on() -> None:
    async def main() -> None:
        background, done = Background(), []

        async def job() -> None:
            done.append("job")

        async with background.running():
            background.start("job", job)
            assert done == []
            await background.settle()
            assert done == ["job"]

    run(main())


def test_the_end_waits_for_jobs_under_way() -> None:
    async def main() -> None:
        background, done = Background(), []

        async def job() -> None:
            await asyncio.sleep(0)
            done.append("job")

        async with background.running():
            background.start("job", job)
        assert done == ["job"]

    run(main())


def test_a_job_that_does_not_end_is_cancelled() -> None:
    async def main() -> None:
        background = Background(grace_s=0.01)
        stuck = asyncio.Event()
        cancelled = []

        async def job() -> None:
            try:
                await stuck.wait()
            except asyncio.CancelledError:
                cancelled.append(True)
                raise

        async with background.running():
            background.start("job", job)
        assert cancelled == [True]

    run(main())


def test_so_many_at_once_and_none_before_or_after() -> None:
    async def main() -> None:
        background, go = Background(at_most=2), asyncio.Event()

        async def job() -> None:
            await go.wait()

        def refused() -> bool:
            with pytest.raises(Refused) as error:
                background.start("job", job)
            return error.value.problem is ProblemType.UNAVAILABLE and error.value.retry_after_s is not None

        assert refused()
        async with background.running():
            background.start("job", job)
            background.start("job", job)
            assert refused()
            go.set()
            await background.settle()
            background.start("job", job)
        assert refused()

    run(main())


@pytest.mark.parametrize("error", [ServerError("planted-7f3a"), ZeroDivisionError("planted-7f3a")])
def test_one_jobs_failure_is_logged_by_kind_and_hurts_no_other(error: Exception) -> None:
    async def main() -> None:
        background, done = Background(), []

        async def bad() -> None:
            raise error

        async def good() -> None:
            await asyncio.sleep(0)
            done.append("good")

        async with background.running():
            background.start("bad", bad)
            background.start("good", good)
        assert done == ["good"]

    with capture_logs() as logs:
        run(main())
    assert [(log["job"], log["error"]) for log in logs] == [("bad", type(error).__name__)]
    assert "planted" not in repr(logs)
