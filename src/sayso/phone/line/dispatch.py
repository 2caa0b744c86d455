"""Contents that go out while a stream is open: in order, sealed durably, deposited, answered.

One instance lives as long as one stream. A conversation has one worker at a time, so its parcels are sealed and sent in
order; a few may be in flight. What the relay will not take now is held back for a while, whole conversation at once.
"""

import asyncio
from typing import Final

from sayso.consent.errors import GateClosedError
from sayso.phone.core.outbox import (
    Next,
    Parcel,
    Stage,
    Verdict,
    as_part,
    in_custody,
    judge_deposited,
    judge_outcome,
    judge_refusal,
    judge_wrong_devices,
    unsealed,
)
from sayso.phone.core.outgoing import Reason, State, Waits
from sayso.phone.core.peers import InCloud, Peer
from sayso.phone.core.reconnect import wait_s
from sayso.phone.core.route import Claim, Sms, after_claim, with_keys
from sayso.phone.core.texts import Text
from sayso.phone.errors import ProblemError, RatchetError, ServerSideError
from sayso.phone.line.chance import chance
from sayso.phone.line.claims import Claims, ManyDevicesError
from sayso.phone.line.outgoing import OUT_OF_CLOUD, Outgoing
from sayso.phone.line.sealing import retire_sessions, seal_parcel, session_ready
from sayso.phone.line.statements import current
from sayso.phone.line.world import Reach, World
from sayso.phone.ports import StreamLink
from sayso.protocol.errors import ProtocolError
from sayso.protocol.frames import (
    Ask,
    Collect,
    Deposit,
    Deposited,
    DepositState,
    Outcome,
    OutcomeState,
    Recall,
    Refused,
    WrongDevices,
)
from sayso.protocol.limits import LIMITS, MINUTE

IN_FLIGHT: Final = 64
"""Unanswered deposits of a line."""
IN_FLIGHT_PER_CONVERSATION: Final = 8
ASKED_AT_ONCE: Final = 256
DOUBT_AGAIN_S: Final = 2.0
"""A device that is connected answers at once, but its word is not passed on: it is asked for, ever more seldom."""
MOST_AGAIN_S: Final = 15 * MINUTE


class Dispatch:
    """Sends one line's parcels over one stream."""

    def __init__(
        self,
        world: World,
        line: bytes,
        reach: Reach,
        link: StreamLink,
        *,
        outgoing: Outgoing,
        sms_chosen: asyncio.Event,
        tasks: asyncio.TaskGroup,
    ) -> None:
        """Take the stream.

        Args:
            world: see `World`.
            line: id of the line.
            reach: for claims.
            link: the open stream.
            outgoing: the line's texts.
            sms_chosen: set when a text turns out to go by SMS.
            tasks: ends with the stream.
        """
        self._world = world
        self._line = line
        self._claims = Claims(world, line, reach)
        self._link = link
        self._outgoing = outgoing
        self._sms_chosen = sms_chosen
        self._tasks = tasks
        self._due = asyncio.Event()
        self._due.set()
        self._refs: dict[int, int] = {}
        self._next_ref = 1
        self._in_flight: set[int] = set()
        self._first_try: set[int] = set()
        """Parcels sealed on this stream and not sent before: an answer about them is about no other try."""
        self._at_work: set[str] = set()
        self._held: set[str] = set()
        """Conversations that are left alone for a while."""
        self._recalled: dict[bytes, int] = {}
        """Handles whose recall was asked for on this stream, and how often; asked again when that may help. Handles,
        since the place of a parcel that is gone is given to another."""
        self._failures: dict[str, int] = {}
        """For each conversation, in a row."""

    def wake(self) -> None:
        """Look again for something to send."""
        self._due.set()

    async def run(self) -> None:
        """Start a worker for each conversation with something to send; forever."""
        while True:
            self._due.clear()
            self._recall_wished()
            self._outgoing.gather_receipts()
            for number in self._world.store.outbox.numbers_to_send_to(self._line):
                if number not in self._at_work and number not in self._held and self._room(number):
                    self._at_work.add(number)
                    self._tasks.create_task(self._work(number))
            await self._due.wait()

    def ask_accepted(self) -> None:
        """Ask what became of what is in custody: after a time without a stream, and now and then."""
        recalled = {text.message_id for text in self._world.store.texts.recalled(self._line)}
        for parcel in self._world.store.outbox.accepted(self._line)[:ASKED_AT_ONCE]:
            if parcel.message_id in recalled:
                self._recall(parcel)
            elif parcel.handle is not None:
                self._link.send([Ask(self._ref(parcel), parcel.handle)])

    def deposited(self, frame: Deposited) -> None:
        """Take the relay's word that a deposit is in custody, or delivered."""
        parcel = self._answered(frame.ref)
        if parcel is not None:
            self._failures.pop(parcel.number, None)
            self._carry_out(parcel, judge_deposited(delivered=frame.state == DepositState.DELIVERED))

    def refused(self, frame: Refused) -> None:
        """Take a refusal: the text stays queued."""
        parcel = self._answered(frame.ref)
        if parcel is not None:
            self._carry_out(parcel, judge_refusal(frame.reason, tried_before=parcel.id not in self._first_try))

    def wrong_devices(self, frame: WrongDevices) -> None:
        """Take the word that the recipient has another device, or another envelope key, by now."""
        parcel = self._answered(frame.ref)
        if parcel is not None:
            self._carry_out(parcel, judge_wrong_devices(tried_before=parcel.id not in self._first_try))

    def outcome(self, frame: Outcome) -> None:
        """Take an outcome, asked for or not."""
        self._answered(frame.ref)
        parcel = self._world.store.outbox.by_handle(self._line, frame.handle_hash)
        if parcel is not None:
            self._carry_out(parcel, judge_outcome(frame.state, parcel))
            if parcel.handle in self._recalled and frame.state in {OutcomeState.IN_DOUBT, OutcomeState.TOO_EARLY}:
                self._recall_later(parcel, parcel.handle, frame.state)
        self.wake()

    def _recall_wished(self) -> None:
        """Recall what is to be recalled, once the relay has it: before that, there is nothing to take back."""
        for text in self._world.store.texts.recalling(self._line):
            parcel = self._world.store.outbox.of_message(self._line, text.number, text.message_id)
            if parcel is not None and parcel.stage is Stage.ACCEPTED and parcel.handle not in self._recalled:
                self._recall(parcel)

    def _recall(self, parcel: Parcel) -> None:
        if parcel.handle is not None:
            self._recalled[parcel.handle] = self._recalled.get(parcel.handle, 0) + 1
            self._link.send([Recall(self._ref(parcel), parcel.handle)])

    def _recall_later(self, parcel: Parcel, handle: bytes, state: OutcomeState) -> None:
        seconds = DOUBT_AGAIN_S * 2.0 ** min(self._recalled[handle] - 1, 20)
        if state is OutcomeState.TOO_EARLY:
            seconds = max(1.0, parcel.accepted_at + LIMITS.stranger_recall_s - self._world.clock.wall())
        self._tasks.create_task(self._recall_after(min(MOST_AGAIN_S, seconds), parcel.id, handle))

    async def _recall_after(self, seconds: float, parcel_id: int, handle: bytes) -> None:
        await self._world.clock.sleep(seconds)
        parcel = self._world.store.outbox.get(parcel_id)
        if parcel is not None and parcel.handle == handle and parcel.stage is Stage.ACCEPTED:
            self._recall(parcel)

    def _answered(self, ref: int) -> Parcel | None:
        parcel_id = self._refs.pop(ref, None)
        if parcel_id is None:
            return None
        self._in_flight.discard(parcel_id)
        self.wake()
        parcel = self._world.store.outbox.get(parcel_id)
        return parcel if parcel is not None and parcel.stage is Stage.SEALED else None

    def _carry_out(self, parcel: Parcel, verdict: Verdict) -> None:
        """Make a verdict durable, in one transaction, and act on it after."""
        if verdict.parcel is Next.KEEP and verdict.text is None:
            return
        if verdict.parcel is Next.ASK:
            self._ask(parcel)
            return
        with self._world.store.transaction(f"outbox-{verdict.parcel}"):
            text = self._outgoing.move(parcel, verdict.text)
            gone = text is not None and text.state in OUT_OF_CLOUD
            if gone:
                self._world.store.outbox.drop(parcel.id)
                if verdict.not_enrolled:
                    self._claims.nobody_there(parcel.number)
            else:
                self._change(parcel, verdict, text)
        if text is not None:
            self._world.news.text_changed(text)
            if text.state == State.SMS_SENDING:
                self._sms_chosen.set()
        if (gone or verdict.parcel is Next.DROP) and parcel.handle is not None:
            self._link.send([Collect(parcel.handle)])
        if gone:
            return
        if verdict.parcel in {Next.RETRY_LATER, Next.CLAIM_ANEW, Next.NEW_SESSION}:
            self._hold_back(parcel.number, at_once=verdict.parcel is not Next.RETRY_LATER)

    def _change(self, parcel: Parcel, verdict: Verdict, text: Text | None) -> None:
        store = self._world.store
        peer = store.peers.get(self._line, parcel.number)
        match verdict.parcel:
            case Next.ACCEPT:
                store.outbox.put(in_custody(parcel, at=self._world.clock.wall()))
            case Next.DROP if text is not None and text.state == State.QUEUED:
                store.outbox.put(unsealed(parcel))
            case Next.DROP:
                store.outbox.drop(parcel.id)
            case Next.KEEP:
                pass
            case Next.SEAL_ANEW:
                store.outbox.put(unsealed(parcel))
            case Next.NEW_SESSION:
                retire_sessions(self._world, peer)
                self._claims.forget_keys(parcel.number)
                store.outbox.put(unsealed(parcel, resend=True))
            case Next.CLAIM_ANEW:
                if verdict.not_enrolled:
                    self._claims.nobody_there(parcel.number)
                else:
                    self._claims.forget_keys(parcel.number)
                store.outbox.put(unsealed(parcel))
            case _:
                self._first_try.add(parcel.id)  # the relay has just said that it took nothing

    async def _work(self, number: str) -> None:
        try:
            while number not in self._held and self._room(number):
                parcel = self._world.store.outbox.next_to_send(self._line, number, beside=self._in_flight)
                if parcel is None:
                    return
                if parcel.stage is Stage.READY:
                    await self._make_ready(number)
                else:
                    self._deposit(parcel)
        except GateClosedError:
            return  # consent has ended; so does this stream
        finally:
            self._at_work.discard(number)

    async def _make_ready(self, number: str) -> None:
        """Get keys if there are none, and seal the first parcel that waits; or give up the cloud for this peer."""
        peer = self._world.store.peers.get(self._line, number)
        route = with_keys(peer, now=self._world.clock.wall(), session_ready=session_ready(self._world, peer))
        if isinstance(route, Claim):
            claimed = await self._claim(number)
            if claimed is None:
                return
            if claimed.in_cloud is not InCloud.YES:
                route = after_claim(claimed, self._outgoing.policy(number))
                self._outgoing.nobody_there(claimed, route)
                if isinstance(route, Sms):
                    self._sms_chosen.set()
                return
            peer = claimed
        # Read again: while the claim was away the owner may have sent it by SMS.
        waiting = self._world.store.outbox.ready(self._line, number)
        if waiting:
            self._seal(waiting[0], peer)

    async def _claim(self, number: str) -> Peer | None:
        """Claim keys; None, with the conversation held back, where that is not possible now."""
        try:
            return await self._claims.claim(number)
        except ProblemError as error:
            self._wait(number, Reason.SERVER_BUSY, least_s=error.retry_after_s or 0)
        except ServerSideError:
            self._wait(number, Reason.NO_CONNECTION)
        except ManyDevicesError:
            self._wait(number, Reason.NEWER_SAYSO)
        except ProtocolError:
            self._wait(number, Reason.BAD_KEYS)
        return None

    def _seal(self, parcel: Parcel, peer: Peer) -> None:
        try:
            sealed, text = seal_parcel(self._world, parcel, peer)
        except (RatchetError, ProtocolError):
            with self._world.store.transaction("keys-unusable"):
                self._claims.forget_keys(peer.number)
            self._wait(peer.number, Reason.BAD_KEYS)
            return
        self._first_try.add(sealed.id)
        if text is not None:
            self._world.news.text_changed(text)
        self._deposit(sealed)

    def _deposit(self, parcel: Parcel) -> None:
        token, part = as_part(parcel)
        self._in_flight.add(parcel.id)
        again = parcel.id not in self._first_try
        self._link.send([Deposit(self._ref(parcel), token, self._ttl_s(), parcel.grant, [part], again)])

    def _ask(self, parcel: Parcel) -> None:
        if parcel.handle is not None:
            self._in_flight.add(parcel.id)
            self._link.send([Ask(self._ref(parcel), parcel.handle)])

    def _ref(self, parcel: Parcel) -> int:
        ref, self._next_ref = self._next_ref, self._next_ref + 1
        self._refs[ref] = parcel.id
        return ref

    def _ttl_s(self) -> int:
        device = self._world.store.lines.device(self._line)
        if device is None:
            raise LookupError("this line has no device")
        return min(LIMITS.ttl_max_s, current(device)[0].limits.get("ttl_max_s", LIMITS.ttl_max_s))

    def _room(self, number: str) -> bool:
        if len(self._in_flight) >= IN_FLIGHT:
            return False
        flying = self._world.store.outbox.in_conversation(self._line, number, self._in_flight)
        return flying < IN_FLIGHT_PER_CONVERSATION

    def _wait(self, number: str, reason: Reason, *, least_s: float = 0) -> None:
        """Say why a conversation's texts wait, and hold it back."""
        changed: list[Text] = []
        with self._world.store.transaction("waiting"):
            for parcel in self._world.store.outbox.ready(self._line, number):
                text = self._outgoing.move(parcel, Waits(reason))
                changed += [text] if text is not None else []
        for text in changed:
            self._world.news.text_changed(text)
        self._hold_back(number, least_s=least_s)

    def _hold_back(self, number: str, *, at_once: bool = False, least_s: float = 0) -> None:
        """Leave a conversation alone for a while; the first `at_once` costs no time, the next ones do."""
        failures = self._failures[number] = self._failures.get(number, 0) + 1
        if number in self._held or (at_once and failures == 1):
            return
        self._held.add(number)
        seconds = max(least_s, wait_s(failures, chance(self._world.random)))
        self._tasks.create_task(self._release(number, seconds))

    async def _release(self, number: str, seconds: float) -> None:
        await self._world.clock.sleep(seconds)
        self._held.discard(number)
        self.wake()
