"""Evaluation in worker processes."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from sayso.protocol import tokens
from sayso.protocol.errors import DiscoveryError
from sayso.server.adapters.evaluator import PoolEvaluator
from sayso.server.errors import ServerError
from tests.aio import run

KEY = b"\1" * 32


def alive(pid: int) -> bool:
    """Whether a process runs: one that has ended and was not waited for has no command line."""
    command = Path(f"/proc/{pid}/cmdline")
    return command.exists() and command.read_bytes() != b""


def test_a_worker_evaluates_with_one_proof_and_refuses_what_is_no_element() -> None:
    async def main() -> None:
        evaluator = PoolEvaluator({1: KEY})
        await evaluator.warm()
        blinded = tokens.Blinded([b"one", b"two"])
        evaluated = await evaluator.evaluate(1, blinded.elements)
        assert len(blinded.finish(evaluated, public_key=tokens.public_key(KEY))) == 2
        for bad in ([bytes(32)], [b"\xff" * 32], [b"short"], []):
            with pytest.raises(DiscoveryError):
                await evaluator.evaluate(1, bad)
        assert await evaluator.evaluate(1, tokens.Blinded([b"again"]).elements)
        await evaluator.close()

    run(main())


def test_another_worker_takes_the_place_of_one_that_died() -> None:
    async def main() -> None:
        evaluator = PoolEvaluator({1: KEY})
        await evaluator.warm()
        for pid in list(evaluator._pool._processes):
            os.kill(pid, signal.SIGKILL)
        elements = tokens.Blinded([b"one"]).elements
        with pytest.raises(ServerError, match="worker process died"):
            # The pool notices when the process is gone; until then it takes work that is then lost.
            await evaluator.evaluate(1, elements)
        assert len(await evaluator.evaluate(1, elements)) == 96
        await evaluator.close()

    run(main())


def test_a_key_that_is_gone_is_in_no_worker_any_more() -> None:
    async def main() -> None:
        other = bytes(range(32))
        evaluator = PoolEvaluator({1: KEY, 2: other})
        await evaluator.warm()
        before = list(evaluator._pool._processes)
        blinded = tokens.Blinded([b"one"])
        evaluated = await evaluator.evaluate(2, blinded.elements)
        assert blinded.finish(evaluated, public_key=tokens.public_key(other))
        await evaluator.use({2: other})
        assert not any(alive(pid) for pid in before)
        with pytest.raises(ServerError, match="ended"):
            await evaluator.evaluate(1, blinded.elements)
        assert await evaluator.evaluate(2, blinded.elements)
        await evaluator.close()

    run(main())


def test_the_workers_end_when_the_server_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "server_like.py"
    script.write_text(
        "import asyncio\n"
        "from sayso.server.adapters.evaluator import PoolEvaluator\n"
        "async def main():\n"
        f"    evaluator = PoolEvaluator({{1: {KEY!r}}})\n"
        "    await evaluator.warm()\n"
        "    print(*evaluator._pool._processes, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "if __name__ == '__main__':\n"
        "    asyncio.run(main())\n"
    )

    async def main() -> None:
        process = await asyncio.create_subprocess_exec(sys.executable, str(script), stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        workers = [int(pid) for pid in (await process.stdout.readline()).split()]
        assert workers
        process.kill()
        await process.wait()
        # End of file: the last process that held the pipe is gone, and the workers hold it too.
        assert await process.stdout.read() == b""
        assert not any(alive(pid) for pid in workers)

    run(main())
