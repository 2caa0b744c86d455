"""Timing: a stranger measures how long an answer takes, to tell a line that has lapsed or hides from one that is none.

Here what takes time is counted: statements, their parameters, rows that are understood, bytes of the answer. What the
clock says is measured by `make bench ARGS=timing`.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import event

from sayso.protocol import api
from sayso.protocol.limits import HOUR
from sayso.server.adapters.directory import rows
from sayso.server.adapters.directory.store import SqlDirectory
from tests.aio import run
from tests.fakes.asgi import Answer
from tests.fakes.control_server import ControlServer, control_server
from tests.fakes.enrolling_device import EnrollingDevice

CLAIMER, LAPSED, HIDDEN, SEEN = "+447700900001", "+447700900002", "+447700900003", "+447700900004"
NEVER = "+447700900005"
_PARAMETERS = re.compile(r"\((?:\?(?:, )?)+\)")


@dataclass
class Work:
    """What the directory did."""

    statements: list[str] = field(default_factory=list)
    parameters: list[int] = field(default_factory=list)
    understood: int = 0
    """Rows that were made into enrolments: some 50 µs each."""


@contextmanager
def watched(server: ControlServer) -> Iterator[Work]:
    """Count what the directory does inside the block."""
    store = server.control._store
    assert isinstance(store, SqlDirectory)
    engine = store._database._engine.sync_engine
    work = Work()

    def executed(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        work.statements.append(statement)
        work.parameters.append(len(parameters) if isinstance(parameters, tuple | list) else 1)

    understand = rows.to_enrolment

    def counted(row: object) -> object:
        work.understood += 1
        return understand(row)  # type: ignore[arg-type]  # passed on as it came

    event.listen(engine, "before_cursor_execute", executed)
    rows.to_enrolment = counted  # type: ignore[assignment]  # counts, and passes on
    try:
        yield work
    finally:
        rows.to_enrolment = understand
        event.remove(engine, "before_cursor_execute", executed)


async def ready(device: EnrollingDevice) -> None:
    """Have a nonce at hand, so that the next request is the first thing that is done."""
    device.nonces.append(await device.nonce())


async def claim(server: ControlServer, claimer: EnrollingDevice, *tokens: bytes) -> tuple[Work, Answer]:
    await ready(claimer)
    body = api.Claim(claimer.drawn(), [api.ClaimLine(token) for token in tokens])
    with watched(server) as work:
        answer = await claimer.post(api.CLAIM_PATH, body)
    assert answer.status == 200, answer.body
    return work, answer


def test_claims_for_lapsed_hidden_and_unknown_lines_are_the_same_work(tmp_path: Path) -> None:
    async def main() -> None:
        async with control_server(tmp_path) as server:
            lapsed = await server.reachable(LAPSED)
            server.clock.seconds += 73 * HOUR
            hidden = await server.reachable(HIDDEN, findable="nobody")
            seen = await server.reachable(SEEN)
            claimer = await server.enrolled(CLAIMER)
            kinds = [server.token(lapsed), server.token(hidden), b"\5" + b"u" * 32]
            (work, answer), *others = [await claim(server, claimer, token) for token in kinds]
            assert work.understood >= 1
            for other_work, other in others:
                assert other_work == work
                assert (other.status, len(other.body)) == (answer.status, len(answer.body))
                assert [name for name, _ in other.fields] == [name for name, _ in answer.fields]
            mixed, _ = await claim(server, claimer, *kinds)
            nobody, _ = await claim(server, claimer, *(b"\5" + bytes([place]) * 32 for place in range(3)))
            assert mixed == nobody, "also among others"
            shown, with_keys = await claim(server, claimer, server.token(seen))
            assert shown.statements == work.statements
            assert len(with_keys.body) > len(answer.body) + 1000, "a line that may be seen has keys"

    run(main())


def test_enrolments_of_known_and_unknown_numbers_are_the_same_work(tmp_path: Path) -> None:
    """Before the code, and after the answer too: what is done in the background would delay whoever asks next."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            await server.reachable(SEEN)
            found = []
            for number in (SEEN, NEVER):
                device = server.device(number)
                await device.fetch_statement()
                await ready(device)
                nonce, enrolment = device.nonces[-1], device.drawn()
                body = device.enrol_body(nonce, enrolment)
                with watched(server) as work:
                    answer = await device.post(api.ENROL_PATH, body)
                    at_the_answer = len(work.statements)
                    await server.control.background.settle()
                assert answer.status == 202
                assert at_the_answer == 0, "nothing is looked up before the answer"
                found.append((work, len(answer.body), [name for name, _ in answer.fields]))
            assert found[0] == found[1]

    run(main())
