"""A line that is on: connects, reads, and connects again. Ends by itself only when the server ended the enrolment."""

import asyncio
from collections.abc import Callable
from typing import Final

from sayso.consent.errors import GateClosedError
from sayso.phone.core.lines import Device
from sayso.phone.core.reconnect import wait_s
from sayso.phone.errors import (
    LoginRefusedError,
    PolicyChangedError,
    ProblemError,
    ServerSideError,
    StreamClosedError,
)
from sayso.phone.line.chance import chance
from sayso.phone.line.dispatch import Dispatch
from sayso.phone.line.enrolled_set import SetKeeper
from sayso.phone.line.inbox import Inbox
from sayso.phone.line.lock import LineLock
from sayso.phone.line.outgoing import Outgoing
from sayso.phone.line.statements import current
from sayso.phone.line.upkeep import KeyUpkeep
from sayso.phone.line.world import Reach, World
from sayso.phone.ports import StreamLink
from sayso.protocol.errors import ProtocolError
from sayso.protocol.frames import (
    Bye,
    ByeReason,
    CaughtUp,
    Deliver,
    Deposited,
    Error,
    ErrorCode,
    LockNotice,
    Outcome,
    Refused,
    ServerFrame,
    Withdraw,
    WrongDevices,
)
from sayso.protocol.limits import HOUR, MINUTE
from sayso.protocol.stream import UnknownFrame

ASK_S: Final = 15 * MINUTE
UPKEEP_S: Final = HOUR
STEADY_S: Final = 30.0
"""A stream that ends sooner counts as one more failure."""
_REPLACED_FAILURES: Final = 6
"""Another phone logs in as this device: coming back at once would only throw it out again."""


class Online:
    """One line's connection to its server."""

    def __init__(
        self,
        world: World,
        line: bytes,
        reach: Reach,
        *,
        outgoing: Outgoing,
        sms_chosen: asyncio.Event,
        ended: Callable[[], None],
        policy_changed: Callable[[str], None],
    ) -> None:
        """Take the line.

        Args:
            world: see `World`.
            line: id of the line.
            reach: the ways to its server.
            outgoing: the line's texts.
            sms_chosen: set when a text turns out to go by SMS.
            ended: called when the server does not know the device any more.
            policy_changed: called with a sentence for the owner when the consent does not cover the server's policy.
        """
        self._world = world
        self._line = line
        self._reach = reach
        self._outgoing = outgoing
        self._sms_chosen = sms_chosen
        self._ended = ended
        self._policy_changed = policy_changed
        self._inbox = Inbox(world, line)
        self._upkeep = KeyUpkeep(world, line, reach)
        self._sets = SetKeeper(world, line, reach)
        self._lock = LineLock(world, line, reach)
        self._dispatch: Dispatch | None = None
        self._ask_anew = True
        """Whether the server may have another statement by now, however young the one is that the phone has."""

    @property
    def connected(self) -> bool:
        """Whether the stream is open and logged in."""
        return self._dispatch is not None

    def wake(self) -> None:
        """Look for something to send. Without a stream this does nothing: the next one looks by itself."""
        if self._dispatch is not None:
            self._dispatch.wake()

    def likely(self, number: str) -> bool:
        """Tell whether a contact seems to be in the cloud; asks nobody."""
        return self._sets.likely(number)

    async def run(self) -> None:
        """Stay connected until cancelled, or until the server has ended the enrolment."""
        failures = 0
        while True:
            since = self._world.clock.monotonic()
            try:
                least = await self._once()
                steady = self._world.clock.monotonic() - since >= STEADY_S
                failures = max(least, 1 if steady else failures + 1)
            except LoginRefusedError:
                self._ended()
                return
            except PolicyChangedError as error:
                self._policy_changed(str(error))
                return
            except (GateClosedError, ServerSideError):
                # Of the gate: the server's stream is at another host than the owner agreed to.
                failures += 1
            await self._world.clock.sleep(wait_s(failures, chance(self._world.random)))

    async def _once(self) -> int:
        """Connect and serve until the stream ends; returns as how many failures its end counts at least."""
        await self._upkeep.check_policy(anew=self._ask_anew)
        self._ask_anew = False
        link = await self._reach.stream.connect(current(self._device())[0].stream)
        reason: ByeReason | None = None
        try:
            await self._serve(link)
        except* StreamClosedError as group:
            reason = next((one.reason for one in _flat(group)), None)
        except* GateClosedError:
            pass  # the next connect says so
        finally:
            self._dispatch = None
            self._world.news.line_changed(self._line)
            await link.close()
        _honour_cancellation()
        self._ask_anew = reason is ByeReason.STOPPING
        return _REPLACED_FAILURES if reason is ByeReason.REPLACED else 1

    async def _serve(self, link: StreamLink) -> None:
        async with asyncio.TaskGroup() as tasks:
            dispatch = Dispatch(
                self._world,
                self._line,
                self._reach,
                link,
                outgoing=self._outgoing,
                sms_chosen=self._sms_chosen,
                tasks=tasks,
            )
            self._dispatch = dispatch
            self._world.news.line_changed(self._line)
            self._outgoing.take_up_again()
            tasks.create_task(dispatch.run())
            tasks.create_task(self._keep_up(link.one_time_keys))
            tasks.create_task(self._sets.run())
            tasks.create_task(self._ask_now_and_then(dispatch))
            while True:
                for frame in await link.receive():
                    self._take(frame, link, dispatch)

    def _take(self, frame: ServerFrame | UnknownFrame, link: StreamLink, dispatch: Dispatch) -> None:
        match frame:
            case Deliver():
                link.send(self._inbox.receive(frame))
                self._outgoing.take_up_again(only_in_cloud=True)
                dispatch.wake()
            case Withdraw():
                link.send([self._inbox.withdraw(frame)])
            case Deposited() | Refused() | WrongDevices() | Outcome():
                _answered(frame, dispatch)
            case LockNotice():
                self._lock.notice(frame)
            case CaughtUp():
                dispatch.ask_accepted()
            case Bye(reason=reason):
                raise StreamClosedError("the server has said goodbye", reason)
            case UnknownFrame(type=kind):
                link.send([Error(ErrorCode.UNKNOWN_FRAME, kind, "this phone does not know this type of frame")])
            case _:
                pass  # Hello, Ready and Error mean nothing any more here

    async def _keep_up(self, one_time_left: int) -> None:
        while True:
            try:
                one_time_left = await self._upkeep.look_after(one_time_left=one_time_left)
            except PolicyChangedError as error:
                self._policy_changed(str(error))  # and with that, this task is cancelled
                return
            except (ServerSideError, ProtocolError) as error:
                least = error.retry_after_s or 0 if isinstance(error, ProblemError) else 0
                await self._world.clock.sleep(max(MINUTE, least))
            else:
                await self._world.clock.sleep(UPKEEP_S)

    def _device(self) -> Device:
        device = self._world.store.lines.device(self._line)
        if device is None:
            raise LookupError("a line that is on has a device")
        return device

    async def _ask_now_and_then(self, dispatch: Dispatch) -> None:
        while True:
            await self._world.clock.sleep(ASK_S)
            dispatch.ask_accepted()


def _answered(frame: Deposited | Refused | WrongDevices | Outcome, dispatch: Dispatch) -> None:
    match frame:
        case Deposited():
            dispatch.deposited(frame)
        case Refused():
            dispatch.refused(frame)
        case WrongDevices():
            dispatch.wrong_devices(frame)
        case Outcome():
            dispatch.outcome(frame)


def _honour_cancellation() -> None:
    """End here if this task was cancelled meanwhile.

    A TaskGroup (before Python 3.13) that has an error of its own forgets the cancellation that came with it; an opt-out
    in the same moment as the end of the stream would go unheard.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _flat(group: BaseExceptionGroup[StreamClosedError]) -> list[StreamClosedError]:
    found: list[StreamClosedError] = []
    for error in group.exceptions:
        found += _flat(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
