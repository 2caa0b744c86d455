"""What every `DirectoryStore` has to do about registration locks; run over each of them by test_lock_store.py."""

import asyncio

from sayso.protocol.ids import DeviceId, Token
from sayso.protocol.keys import DeviceKeys
from sayso.protocol.limits import DAY, LIMITS
from sayso.protocol.pin import verifier_of
from sayso.server.core.directory import Enrolment, Pending
from sayso.server.directory_port import Confirmed, DirectoryStore, Locked
from tests.aio import run
from tests.contract.directory_store import NOW, a_pending, departed, drawn, enrol, enrolment_of, reachable

SALT = b"s" * 16
PROOF, WRONG = b"p" * 32, b"w" * 32


async def comes(
    store: DirectoryStore,
    token: Token,
    keys: DeviceKeys | None = None,
    *,
    now: float = NOW,
    pin: bytes | None = None,
) -> tuple[Pending, Confirmed | Locked | None]:
    """A device confirms the right code for a number."""
    pending = a_pending(keys, token, now=now)
    assert await store.add_pending(pending, now=now, at_most=99)
    enrolment = enrolment_of(pending, now=now)
    return pending, await store.confirm(pending, enrolment, result=b"came", now=now, pin=pin)


async def waits(store: DirectoryStore, holder: Enrolment, *, now: float = NOW) -> Pending:
    """A newcomer begins to wait for a holder's number."""
    pending, answer = await comes(store, holder.token, now=now)
    assert isinstance(answer, Locked)
    return pending


async def with_pin(store: DirectoryStore, proof: bytes = PROOF) -> Enrolment:
    """A line with a PIN."""
    enrolment = await reachable(store, 1, 2)
    assert await store.begin_pin(enrolment.device, SALT, now=NOW)
    assert await store.set_pin(enrolment.device, verifier_of(proof), now=NOW)
    return enrolment


class LockStoreContract:
    """Subclass it and give `open_store`, which opens the same storage again."""

    async def open_store(self) -> DirectoryStore:
        raise NotImplementedError

    # The wait

    def test_a_newcomer_waits_and_the_holder_stays_as_it_was(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            holder = await reachable(store, 1, 2)
            pending, answer = await comes(store, holder.token)
            assert isinstance(answer, Locked)
            assert answer.newcomer.until == NOW + 7 * DAY
            assert (answer.pin_tries, answer.wrong_pin) == (0, False)
            assert (answer.line.device, answer.line.newcomer_until) == (holder.device, NOW + 7 * DAY)
            assert await store.enrolment(holder.device) == holder
            assert await store.enrolment(DeviceId(pending.keys.device)) is None
            assert await store.erasures() == []
            assert await store.newcomer(holder.device, now=NOW) == answer.newcomer
            assert await store.newcomer_key(DeviceId(pending.keys.device)) == pending.keys.ed25519
            await store.close()

        run(main())

    def test_it_comes_in_with_another_code_when_the_wait_is_over_and_not_a_second_before(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            holder = await reachable(store, 1, 2)
            first = await waits(store, holder)
            for early in (NOW + 1, NOW + 7 * DAY - 1):
                _, answer = await comes(store, holder.token, first.keys, now=early)
                assert isinstance(answer, Locked)
                assert answer.newcomer.until == NOW + 7 * DAY, "asking again does not begin anew"
            _, answer = await comes(store, holder.token, first.keys, now=NOW + 7 * DAY)
            assert isinstance(answer, Confirmed)
            assert [one.device for one in answer.replaced] == [holder.device]
            assert answer.line.newcomer_until is None
            assert await store.newcomer_key(DeviceId(first.keys.device)) is None
            await store.close()

        run(main())

    def test_who_does_not_come_within_a_week_after_the_wait_begins_anew(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            holder = await reachable(store, 1)
            first = await waits(store, holder)
            late = NOW + 14 * DAY
            assert await store.newcomer(holder.device, now=late - 1) is not None
            assert await store.newcomer(holder.device, now=late) is None
            _, answer = await comes(store, holder.token, first.keys, now=late)
            assert isinstance(answer, Locked)
            assert answer.newcomer.until == late + 7 * DAY
            await store.close()

        run(main())

    def test_the_last_one_to_prove_the_number_waits_in_the_place_of_the_one_before(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            holder = await reachable(store, 1)
            thief = await waits(store, holder)
            owner = await waits(store, holder, now=NOW + 3 * DAY)
            _, answer = await comes(store, holder.token, thief.keys, now=NOW + 7 * DAY)
            assert isinstance(answer, Locked)
            assert answer.newcomer.until == NOW + 14 * DAY, "the thief begins anew; whoever has the number now is last"
            _, answer = await comes(store, holder.token, owner.keys, now=NOW + 10 * DAY)
            assert isinstance(answer, Locked)
            await store.close()

        run(main())

    def test_the_same_device_id_with_another_key_has_not_waited(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            holder = await reachable(store, 1)
            first = await waits(store, holder)
            copy = replace_keys(first.keys)
            _, answer = await comes(store, holder.token, copy, now=NOW + 7 * DAY)
            assert isinstance(answer, Locked)
            assert answer.newcomer.until == NOW + 14 * DAY
            await store.close()

        run(main())

    def test_a_sleeping_line_is_locked_until_it_expires(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            holder = await reachable(store, 1)
            asleep = NOW + LIMITS.lease_s + DAY
            await waits(store, holder, now=asleep)
            expiry = NOW + LIMITS.enrolment_expiry_s
            await store.expire(now=expiry)
            assert await store.enrolment(holder.device) is None
            _, answer = await comes(store, holder.token, now=expiry)
            assert isinstance(answer, Confirmed), "the number is free"
            await store.close()

        run(main())

    def test_a_line_that_left_locks_nothing(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            holder = await reachable(store, 1)
            first = await waits(store, holder)
            await store.withdraw(departed(holder))
            assert await store.newcomer_key(DeviceId(first.keys.device)) is None
            _, answer = await comes(store, holder.token, first.keys)
            assert isinstance(answer, Confirmed)
            await store.close()

        run(main())

    def test_the_holder_itself_is_not_locked_out_and_keeps_its_pin(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            holder = await with_pin(store)
            await waits(store, holder)
            _, answer = await comes(store, holder.token, holder.keys)
            assert isinstance(answer, Confirmed)
            pin = await store.pin(holder.device)
            assert pin is not None
            assert pin.verifier == verifier_of(PROOF)
            await store.close()

        run(main())

    def test_a_locked_code_is_right_again_as_often_as_it_is_asked(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            holder = await reachable(store, 1)
            pending = await waits(store, holder)
            for _ in range(3 * LIMITS.code_tries):
                assert await store.take_try(pending.id, now=NOW) is not None
                answer = await store.confirm(pending, enrolment_of(pending), result=b"x", now=NOW)
                assert isinstance(answer, Locked)
            await store.close()

        run(main())

    # Refusing, delaying, cancelling

    def test_the_holder_refuses_with_a_code_that_it_asked_for_once(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            holder = await reachable(store, 1)
            await waits(store, holder)
            code = a_pending(holder.keys, holder.token)
            await store.add_pending(code, now=NOW, at_most=9)
            line = await store.refuse(code, now=NOW)
            assert line is not None
            assert line.newcomer_until is None
            assert await store.newcomer(holder.device, now=NOW) is None
            assert await store.refuse(code, now=NOW) is None, "a code is single use"
            await store.close()

        run(main())

    def test_a_code_asked_for_by_another_or_for_another_number_refuses_nobody(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            holder = await reachable(store, 1)
            await waits(store, holder)
            for code in (
                a_pending(token=holder.token),
                a_pending(holder.keys),
                a_pending(replace_keys(holder.keys), holder.token),
            ):
                await store.add_pending(code, now=NOW, at_most=9)
                assert await store.refuse(code, now=NOW) is None
            late = a_pending(holder.keys, holder.token)
            await store.add_pending(late, now=NOW, at_most=9)
            assert await store.refuse(late, now=late.expires) is None
            assert await store.newcomer(holder.device, now=NOW) is not None
            await store.close()

        run(main())

    def test_the_pin_delays_a_newcomer_to_37_days_in_all_and_no_further(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            holder = await with_pin(store)
            first = await waits(store, holder)
            for moment in (NOW + DAY, NOW + 6 * DAY, NOW + 36 * DAY):
                assert await store.try_own_pin(holder.device) == SALT
                line = await store.delay(holder.device, PROOF, now=moment)
                assert line is not None
                assert line.newcomer_until == NOW + 37 * DAY
            _, answer = await comes(store, holder.token, first.keys, now=NOW + 37 * DAY)
            assert isinstance(answer, Confirmed)
            assert await store.pin(DeviceId(first.keys.device)) is None, "the PIN was not the newcomer's"
            await store.close()

        run(main())

    def test_a_wrong_pin_or_one_that_was_not_evaluated_delays_nobody(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            holder = await with_pin(store)
            await waits(store, holder)
            assert await store.delay(holder.device, PROOF, now=NOW) is None
            assert await store.try_own_pin(holder.device) == SALT
            assert await store.delay(holder.device, WRONG, now=NOW) is None
            assert await store.delay(holder.device, PROOF, now=NOW) is None, "one comparison for one evaluation"
            newcomer = await store.newcomer(holder.device, now=NOW)
            assert newcomer is not None
            assert newcomer.until == NOW + 7 * DAY
            await store.close()

        run(main())

    def test_a_newcomer_that_gives_up_is_forgotten(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            holder = await reachable(store, 1)
            first = await waits(store, holder)
            device = DeviceId(first.keys.device)
            assert await store.cancel(device, drawn(32), now=NOW) == []
            assert await store.newcomer(holder.device, now=NOW) is not None
            (line,) = await store.cancel(device, first.keys.ed25519, now=NOW)
            assert (line.device, line.newcomer_until) == (holder.device, None)
            assert await store.pending(first.id, now=NOW) is None
            assert await store.newcomer_key(device) is None
            await store.close()

        run(main())

    def test_forgetting_drops_who_did_not_come_and_tells_the_line(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            holder = await enrol(store)
            first = await waits(store, holder)
            assert await store.forget(now=NOW + 14 * DAY - 1) == []
            (line,) = await store.forget(now=NOW + 14 * DAY)
            assert (line.device, line.newcomer_until) == (holder.device, None)
            assert await store.newcomer_key(DeviceId(first.keys.device)) is None
            await store.close()

        run(main())

    # The PIN

    def test_a_newcomer_comes_in_by_the_pin_and_the_pin_stays_the_lines(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            holder = await with_pin(store)
            pending = await waits(store, holder)
            assert await store.try_pin(pending, now=NOW) == SALT
            answer = await store.confirm(pending, enrolment_of(pending), result=b"came", now=NOW, pin=PROOF)
            assert isinstance(answer, Confirmed)
            assert [one.device for one in answer.replaced] == [holder.device]
            pin = await store.pin(DeviceId(pending.keys.device))
            assert pin is not None
            assert (pin.salt, pin.verifier, pin.tries_left) == (SALT, verifier_of(PROOF), LIMITS.pin_tries)
            again = await store.confirm(pending, enrolment_of(pending), result=b"other", now=NOW, pin=PROOF)
            assert isinstance(again, Confirmed)
            assert again.result == b"came"
            await store.close()

        run(main())

    def test_a_proof_counts_only_after_an_evaluation_and_once(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            holder = await with_pin(store)
            pending = await waits(store, holder)

            async def proves(proof: bytes) -> bool:
                answer = await store.confirm(pending, enrolment_of(pending), result=b"came", now=NOW, pin=proof)
                assert isinstance(answer, Confirmed) or (isinstance(answer, Locked) and answer.wrong_pin)
                return isinstance(answer, Confirmed)

            assert not await proves(PROOF)
            assert await store.try_pin(pending, now=NOW) == SALT
            assert not await proves(WRONG)
            assert not await proves(PROOF)
            assert await store.enrolment(holder.device) == holder
            await store.close()

        run(main())

    def test_there_are_ten_tries_in_all_for_all_newcomers(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            holder = await with_pin(store)
            taken = 0
            for _ in range(3):
                pending = await waits(store, holder)
                guesses = await asyncio.gather(*(store.try_pin(pending, now=NOW) for _ in range(5)))
                taken += sum(salt is not None for salt in guesses)
            assert taken == LIMITS.pin_tries
            _, answer = await comes(store, holder.token)
            assert isinstance(answer, Locked)
            assert answer.pin_tries == 0
            await store.close()

        run(main())

    def test_newcomers_and_holder_have_tries_of_their_own(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            holder = await with_pin(store)
            pending = await waits(store, holder)
            for _ in range(LIMITS.pin_tries + 1):
                await store.try_pin(pending, now=NOW)
            own = [await store.try_own_pin(holder.device) for _ in range(LIMITS.pin_tries + 1)]
            assert own == [SALT] * LIMITS.pin_tries + [None]
            await store.close()

        run(main())

    def test_without_a_wait_a_pin_or_a_lock_there_is_nothing_to_try(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            holder, plain = await with_pin(store), await enrol(store)
            free = a_pending()
            not_waiting = a_pending(token=holder.token)
            for pending in (free, not_waiting):
                await store.add_pending(pending, now=NOW, at_most=9)
                assert await store.try_pin(pending, now=NOW) is None
            assert await store.try_pin(await waits(store, plain), now=NOW) is None
            assert await store.try_own_pin(plain.device) is None
            await store.close()

        run(main())

    def test_a_pin_is_set_changed_and_removed(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            holder = await with_pin(store)
            for _ in range(3):
                await store.try_own_pin(holder.device)
            assert not await store.set_pin(holder.device, verifier_of(WRONG), now=NOW), "no salt was drawn for it"
            assert await store.begin_pin(holder.device, b"t" * 16, now=NOW)
            held = await store.pin(holder.device)
            assert held is not None
            assert held.salt == SALT, "until it is set the old one holds"
            assert await store.set_pin(holder.device, verifier_of(WRONG), now=NOW)
            held = await store.pin(holder.device)
            assert held is not None
            assert (held.salt, held.verifier, held.own_tries_left) == (
                b"t" * 16,
                verifier_of(WRONG),
                LIMITS.pin_tries,
            )
            assert await store.set_pin(holder.device, None, now=NOW)
            assert await store.pin(holder.device) is None
            await store.close()

        run(main())

    def test_while_a_newcomer_waits_the_pin_stays_as_it_is(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            holder = await with_pin(store)
            await store.begin_pin(holder.device, b"t" * 16, now=NOW)
            await waits(store, holder)
            assert not await store.begin_pin(holder.device, b"u" * 16, now=NOW)
            assert not await store.set_pin(holder.device, verifier_of(WRONG), now=NOW)
            assert not await store.set_pin(holder.device, None, now=NOW)
            held = await store.pin(holder.device)
            assert held is not None
            assert held.verifier == verifier_of(PROOF)
            await store.close()

        run(main())


def replace_keys(keys: DeviceKeys) -> DeviceKeys:
    """The same device id, with other keys."""
    other = a_pending().keys
    return DeviceKeys(keys.device, other.ed25519, other.curve25519, other.signature)
