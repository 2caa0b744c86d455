"""`CodeSender` over SMPP 3.4. One connection, one task that owns it; whoever sends waits in a queue.

A throttled SMS is sent again, since it was surely not taken. One whose answer never came is not: it may be on its way,
and who wants another code asks for one.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog

from sayso.protocol.numbers import PhoneNumber
from sayso.server.adapters.smpp.config import SmppConfig, check_smpp
from sayso.server.adapters.smpp.receipts import Receipts
from sayso.server.adapters.smpp.session import (
    Bound,
    Closed,
    Event,
    InDoubt,
    Receipted,
    Rejected,
    Session,
    State,
    Taken,
    Throttled,
)
from sayso.server.adapters.smpp.waiting import Job, Waiting
from sayso.server.errors import SmsError, SmsNotTakenError
from sayso.server.ports import Clock, Random, SmsReports

_LOG: Final = structlog.get_logger()
_LONGEST_RETRY_S: Final = 60.0
_REFUSED_RETRY_S: Final = 30.0
_READ_BYTES: Final = 65_536
_GOODBYE_S: Final = 2.0


class SmppSender:
    """Hands SMS to an SMSC while it is `running`."""

    def __init__(self, config: SmppConfig, *, clock: Clock, random: Random, reports: SmsReports) -> None:
        """Take the configuration; nothing is connected yet.

        Raises:
            ConfigError: it is wrong, or would carry numbers in the clear over a network.
        """
        self._config = config
        self._smsc = check_smpp(config)
        self._clock = clock
        self._random = random
        self._reports = reports
        self._waiting = Waiting(at_most=config.queue, first_pause_s=config.first_pause_s)
        self._receipts = Receipts(keep_s=2 * config.life_s)
        self._submitted: dict[int, Job] = {}
        self._wake = asyncio.Event()
        self._session: Session | None = None
        self._stopping = asyncio.Event()
        self._failures = 0
        self._bound_since: float | None = None

    async def send(self, number: PhoneNumber, text: str) -> None:
        """See `CodeSender`. Waits for a bind, for room in the window and for a throttling SMSC, for a bounded time."""
        now = self._clock.monotonic()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        job = Job(number=number, text=text, since=now, deadline=now + self._config.patience_s, done=done)
        if self._stopping.is_set() or not self._waiting.add(job):
            raise SmsNotTakenError("the SMSC does not keep up: too many SMS wait for it")
        self._wake.set()
        try:
            await done
        finally:
            # A failure's traceback holds this frame, and this frame the failure: the number would stay in memory until
            # a collection.
            del job, done

    @property
    def bound(self) -> bool:
        """Whether the SMSC lets us send at the moment."""
        return self._session is not None and self._session.state is State.BOUND

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Stay connected inside the block; at its end say goodbye."""
        async with asyncio.TaskGroup() as tasks:
            keeping = tasks.create_task(self._keep_connected())
            try:
                yield
            finally:
                self._stopping.set()
                self._wake.set()
                await asyncio.wait({keeping}, timeout=_GOODBYE_S)
                keeping.cancel()
                self._fail_all("the server is stopping")

    async def _keep_connected(self) -> None:
        while not self._stopping.is_set():
            closed = await self._one_connection()
            if self._was_steady():
                self._failures = 0
            if self._stopping.is_set():
                return
            delay = self._retry_s(refused=closed.refused)
            log = _LOG.error if closed.refused else _LOG.warning
            log("smsc-lost", reason=closed.reason, retry_s=round(delay))
            await self._idle(self._clock.monotonic() + delay)

    async def _one_connection(self) -> Closed:
        """Connect, bind, and stay until it is over. Returns why it is over."""
        self._bound_since = None
        at = self._smsc.at
        try:
            async with asyncio.timeout(self._config.timing.answer_s):
                reader, writer = await asyncio.open_connection(at.host, at.port, ssl=self._smsc.tls, limit=_READ_BYTES)
        # SSLError and a refused connection are OSErrors.
        except (OSError, TimeoutError) as error:
            return Closed(f"no connection: {type(error).__name__}")
        try:
            return await self._converse(reader, writer)
        finally:
            self._session = None
            writer.close()
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(_GOODBYE_S):
                    await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Closed:
        session = Session(self._smsc.login, self._config.timing, now=self._clock.monotonic())
        self._session = session
        closed: list[Closed] = []
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(self._read(reader, session, closed))
            while not closed:
                now = self._clock.monotonic()
                if self._stopping.is_set():
                    session.unbind(now=now)
                self._handle(session.tick(now=now), now, closed)
                self._submit_waiting(session, now)
                if not await self._write(writer, session):
                    self._handle(session.lost(), now, closed)
                if closed or (self._stopping.is_set() and session.state is State.OPENING):
                    break
                await self._sleep_until(min(session.wake_at(), self._waiting.wake_at(now=now)))
            reading.cancel()
        # What answers the last thing that was said: an unbind, or nonsense.
        await self._write(writer, session)
        return closed[0] if closed else Closed("stopped")

    async def _read(self, reader: asyncio.StreamReader, session: Session, closed: list[Closed]) -> None:
        while not closed:
            try:
                data = await reader.read(_READ_BYTES)
            except OSError:
                data = b""
            now = self._clock.monotonic()
            self._handle(session.receive(data, now=now) if data else session.lost(), now, closed)
            self._wake.set()

    async def _write(self, writer: asyncio.StreamWriter, session: Session) -> bool:
        """Write what is due. False: the connection takes nothing any more."""
        data = session.data_to_send()
        if not data:
            return True
        try:
            writer.write(data)
            async with asyncio.timeout(self._config.timing.answer_s):
                await writer.drain()
        except (OSError, TimeoutError):
            return False
        return True

    def _submit_waiting(self, session: Session, now: float) -> None:
        self._fail_overdue(now)
        while session.has_room() and (job := self._waiting.next(now=now)) is not None:
            life = max(1.0, self._config.life_s - (now - job.since))
            try:
                submit = session.submit(job.number, job.text, sender=self._config.sender, validity_s=life, now=now)
            except SmsNotTakenError as error:
                _settle(job, error)
                continue
            self._submitted[submit] = job

    def _handle(self, events: Iterable[Event], now: float, closed: list[Closed]) -> None:
        for event in events:
            match event:
                case Bound():
                    self._bound_since = now
                    _LOG.info("smsc-bound")
                case Taken(submit, message_id):
                    self._waiting.went_well()
                    self._failures = 0
                    _settle(self._submitted.pop(submit), None)
                    self._report(self._receipts.taken(message_id, now=now))
                case Throttled(submit):
                    _LOG.warning("smsc-throttles")
                    self._waiting.throttled(self._submitted.pop(submit), now=now)
                case Rejected(submit, status):
                    error = SmsNotTakenError(f"the SMSC did not take the code: status 0x{status:08x}")
                    _settle(self._submitted.pop(submit), error)
                case InDoubt(submit):
                    _settle(self._submitted.pop(submit), SmsError("the SMSC did not say whether it took the code"))
                case Receipted(receipt):
                    self._report(self._receipts.receipted(receipt, now=now))
                case Closed():
                    closed.append(event)

    def _report(self, delivered: bool | None) -> None:  # noqa: FBT001  it is what the receipts answer
        if delivered is not None:
            self._reports.reported(delivered=delivered)

    def _fail_overdue(self, now: float) -> None:
        for job in self._waiting.overdue(now=now):
            _settle(job, SmsNotTakenError("the SMSC took no SMS for too long"))

    def _fail_all(self, reason: str) -> None:
        for job in self._submitted.values():
            _settle(job, SmsError(reason))
        self._submitted.clear()
        for job in self._waiting.overdue(now=float("inf")):
            _settle(job, SmsNotTakenError(reason))

    def _was_steady(self) -> bool:
        """Whether the last connection held: one that is lost right after each bind is no success."""
        return self._bound_since is not None and self._clock.monotonic() - self._bound_since > _LONGEST_RETRY_S

    def _retry_s(self, *, refused: bool) -> float:
        """Wait twice as long after each failure, with jitter: many servers must not come back at once."""
        longest = min(self._config.first_retry_s * float(1 << self._failures), _LONGEST_RETRY_S)
        if refused:
            # A wrong password does not get right by itself, and an SMSC locks out who insists.
            longest = min(_REFUSED_RETRY_S, 30 * longest)
        self._failures = min(self._failures + 1, 16)
        return longest * (0.5 + self._random.token_bytes(1)[0] / 510)

    async def _idle(self, until: float) -> None:
        """Wait without a connection; those whose patience ends meanwhile are told."""
        while not self._stopping.is_set() and (now := self._clock.monotonic()) < until:
            self._fail_overdue(now)
            await self._sleep_until(min(until, self._waiting.wake_at(now=now)))

    async def _sleep_until(self, due: float) -> None:
        """Sleep until then, or until there is something to do."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, due - self._clock.monotonic()) if due < float("inf") else None):
                await self._wake.wait()
        self._wake.clear()


def _settle(job: Job, error: SmsError | None) -> None:
    if job.done.done():
        return
    if error is None:
        job.done.set_result(None)
    else:
        job.done.set_exception(error)
