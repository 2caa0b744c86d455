"""A device that is gone asks about its line: the race between the check of its signature and the answer."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from sayso.consent.policy import current_policy
from sayso.protocol.api import ProblemType, SetGrant
from sayso.protocol.ids import DeviceId
from sayso.server.errors import Refused
from sayso.server.services.identity import ServerIdentity
from sayso.server.services.lines import Lines
from tests.aio import run
from tests.fakes.control_world import FakeRelay, ServerClock, secrets
from tests.fakes.directory import MemoryDirectory

GONE = DeviceId(b"g" * 16)


@pytest.mark.parametrize(
    "ask",
    [
        lambda lines: lines.renew(GONE),
        lambda lines: lines.holdings(GONE),
        lambda lines: lines.set_grant(SetGrant(b"h" * 32), device=GONE),
    ],
)
def test_who_is_not_enrolled_any_more_is_told(ask: Callable[[Lines], Coroutine[Any, Any, object]]) -> None:
    clock, relay, store = ServerClock(), FakeRelay(), MemoryDirectory()
    identity = ServerIdentity(secrets(), policy=current_policy(), stream="wss://chat.example", clock=clock)
    lines = Lines(identity=identity, store=store, keys=store, relay=relay, running=clock.running)
    with pytest.raises(Refused) as refused:
        run(ask(lines))
    assert refused.value.problem is ProblemType.NOT_ENROLLED
    assert relay.lines == {}
