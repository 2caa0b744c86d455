"""What every `DirectoryStore` has to do; run over each of them by test_directory_store.py."""

import asyncio
import random
from dataclasses import replace

import msgspec
import pytest

from sayso.protocol.api import Claim, Claimed, ClaimLine, DeviceBundle, PublishKeys
from sayso.protocol.frames import OutcomeState
from sayso.protocol.ids import DeviceId, EnrolmentId, GrantHash, Token, grant_hash
from sayso.protocol.keys import DeviceKeys, EnvelopeKey, RatchetKey
from sayso.protocol.limits import DAY, HOUR, LIMITS
from sayso.server.core.directory import NO_GRANT, AgreedConsent, Departed, Enrolment, Pending
from sayso.server.directory_port import Confirmed, DirectoryStore, Locked
from sayso.server.errors import Refused
from tests.aio import run

NOW = 1_000_000.0
PER_DAY = 2000
_RANDOM = random.Random(3)


def drawn(count: int) -> bytes:
    return _RANDOM.randbytes(count)


def device_keys() -> DeviceKeys:
    return DeviceKeys(drawn(16), drawn(32), drawn(32), drawn(64))


def a_pending(keys: DeviceKeys | None = None, token: bytes | None = None, *, now: float = NOW) -> Pending:
    return Pending(
        id=EnrolmentId(drawn(16)),
        keys=keys or device_keys(),
        token=Token(token or b"\5" + drawn(32)),
        commitment=drawn(32),
        code_hash=drawn(32),
        tries_left=LIMITS.code_tries,
        expires=now + LIMITS.code_s,
        findable="everyone",
        record_id=drawn(16),
        record_sha256=drawn(32),
        policy_sha256=drawn(32),
    )


def enrolment_of(pending: Pending, *, now: float = NOW) -> Enrolment:
    return Enrolment(
        token=pending.token,
        commitment=pending.commitment,
        keys=pending.keys,
        grant_hash=NO_GRANT,
        findable=pending.findable,
        lease_ends=now + LIMITS.lease_s,
        receipt_sha256=drawn(32),
        policy_sha256=pending.policy_sha256,
        enrolled_on="2026-11-22",
    )


def ratchet_key(key_id: int) -> RatchetKey:
    return RatchetKey(key_id, drawn(32), drawn(64))


def envelope_key(key_id: int) -> EnvelopeKey:
    return EnvelopeKey(key_id, 1_800_000_000, drawn(1216), drawn(64))


def all_keys(*one_time: int, fallback: int | None = 0, envelope: int | None = 1) -> PublishKeys:
    return PublishKeys(
        [ratchet_key(key_id) for key_id in one_time],
        None if fallback is None else ratchet_key(fallback),
        None if envelope is None else envelope_key(envelope),
    )


async def enrol(store: DirectoryStore, pending: Pending | None = None, *, now: float = NOW) -> Enrolment:
    pending = pending or a_pending(now=now)
    assert await store.add_pending(pending, now=now, at_most=3)
    enrolment = enrolment_of(pending, now=now)
    assert await store.confirm(pending, enrolment, result=b"answer", now=now) is not None
    return enrolment


async def reachable(store: DirectoryStore, *one_time: int, findable: str = "everyone") -> Enrolment:
    pending = replace(a_pending(), findable="everyone" if findable == "everyone" else "nobody")
    enrolment = await enrol(store, pending)
    await store.publish(enrolment.device, all_keys(*one_time), now=NOW)
    return enrolment


def departed(enrolment: Enrolment, *, now: float = NOW) -> Departed:
    return Departed(
        device=enrolment.device,
        ed25519=enrolment.keys.ed25519,
        withdrawal_sha256=drawn(32),
        receipt=b"receipt",
        until=now + 600,
    )


async def claimed(
    store: DirectoryStore, claimer: Enrolment, *lines: tuple[Enrolment, bytes], now: float = NOW
) -> list[list[DeviceBundle]]:
    wanted = Claim(drawn(16), [ClaimLine(enrolment.token, grant) for enrolment, grant in lines])
    outcome = await store.claim(claimer.device, wanted, now=now, per_day=PER_DAY)
    answer = msgspec.json.decode(outcome.answer, type=Claimed)
    assert [line.token for line in answer.lines] == [enrolment.token for enrolment, _ in lines]
    return [line.devices for line in answer.lines]


class DirectoryStoreContract:
    """Subclass it and give `open_store`, which opens the same storage again."""

    async def open_store(self) -> DirectoryStore:
        raise NotImplementedError

    # Verification

    def test_a_try_is_taken_once(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            pending = a_pending()
            await store.add_pending(pending, now=NOW, at_most=3)
            taken = [await store.take_try(pending.id, now=NOW) for _ in range(LIMITS.code_tries + 2)]
            left = [one.tries_left for one in taken if one is not None]
            assert left == [4, 3, 2, 1, 0]
            assert taken[LIMITS.code_tries :] == [None, None]
            await store.close()

        run(main())

    def test_parallel_guesses_share_the_tries(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            pending = a_pending()
            await store.add_pending(pending, now=NOW, at_most=3)
            taken = await asyncio.gather(*(store.take_try(pending.id, now=NOW) for _ in range(30)))
            assert sum(one is not None for one in taken) == LIMITS.code_tries
            await store.close()

        run(main())

    def test_an_expired_enrolment_cannot_be_tried_or_confirmed(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            pending = a_pending()
            await store.add_pending(pending, now=NOW, at_most=3)
            assert await store.pending(pending.id, now=pending.expires - 1) == pending
            late = pending.expires
            assert await store.pending(pending.id, now=late) is None
            assert await store.take_try(pending.id, now=late) is None
            assert await store.confirm(pending, enrolment_of(pending), result=b"x", now=late) is None
            assert await store.load_lines(now=late) == []
            await store.close()

        run(main())

    def test_one_line_has_so_many_pending_enrolments_at_once(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            token = b"\5" + drawn(32)
            added = [await store.add_pending(a_pending(token=token), now=NOW, at_most=3) for _ in range(4)]
            assert added == [True, True, True, False]
            assert await store.add_pending(a_pending(), now=NOW, at_most=3), "another line is not concerned"
            later = NOW + LIMITS.code_s
            assert await store.add_pending(a_pending(token=token, now=later), now=later, at_most=3)
            await store.close()

        run(main())

    def test_an_enrolment_id_is_taken_once(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            pending = a_pending()
            assert await store.add_pending(pending, now=NOW, at_most=3)
            assert not await store.add_pending(replace(a_pending(), id=pending.id), now=NOW, at_most=3)
            assert await store.pending(pending.id, now=NOW) == pending
            await store.close()

        run(main())

    def test_a_confirmed_enrolment_is_a_line(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            enrolment = await enrol(store)
            assert await store.enrolment(enrolment.device) == enrolment
            (line,) = await store.load_lines(now=NOW)
            assert (line.token, line.device, line.ed25519) == (
                enrolment.token,
                enrolment.device,
                enrolment.keys.ed25519,
            )
            assert (line.grant_hash, line.lease_ends) == (NO_GRANT, enrolment.lease_ends)
            assert (line.envelope_keys, line.one_time_keys) == ((), 0)
            await store.close()

        run(main())

    def test_confirming_again_gives_the_first_answer_and_changes_nothing(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            pending = a_pending()
            first = await enrol(store, pending)
            await store.publish(first.device, all_keys(1, 2), now=NOW)
            again = await store.confirm(pending, enrolment_of(pending), result=b"other", now=NOW + 1)
            assert isinstance(again, Confirmed)
            assert (again.result, again.replaced) == (b"answer", ())
            assert again.line.one_time_keys == 2
            assert await store.enrolment(first.device) == first
            assert await store.erasures() == []
            await store.close()

        run(main())

    def test_a_right_code_gives_its_try_back(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            pending = a_pending()
            await store.add_pending(pending, now=NOW, at_most=3)
            for _ in range(3 * LIMITS.code_tries):
                assert await store.take_try(pending.id, now=NOW) is not None
                await store.confirm(pending, enrolment_of(pending), result=b"answer", now=NOW)
            await store.close()

        run(main())

    def test_a_later_enrolment_of_the_line_ends_the_earlier_one(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            first = await reachable(store, 1, 2)
            pending = a_pending(token=first.token)
            await store.add_pending(pending, now=NOW, at_most=3)
            waits = await store.confirm(pending, enrolment_of(pending), result=b"second", now=NOW)
            assert isinstance(waits, Locked)
            later = waits.newcomer.until
            pending = a_pending(pending.keys, first.token, now=later)
            await store.add_pending(pending, now=later, at_most=3)
            confirmed = await store.confirm(pending, enrolment_of(pending), result=b"second", now=later)
            assert isinstance(confirmed, Confirmed)
            assert [(one.device, one.state) for one in confirmed.replaced] == [(first.device, OutcomeState.GONE)]
            assert await store.erasures() == list(confirmed.replaced)
            assert await store.enrolment(first.device) is None
            assert [line.device for line in await store.load_lines(now=NOW)] == [pending.keys.device]
            assert (await store.held_keys(first.device)).one_time_keys == 0
            await store.close()

        run(main())

    def test_the_same_device_enrols_anew_with_nothing_of_before(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            first = await reachable(store, 1, 2)
            pending = a_pending(first.keys)
            await store.add_pending(pending, now=NOW, at_most=3)
            confirmed = await store.confirm(pending, enrolment_of(pending), result=b"second", now=NOW)
            assert isinstance(confirmed, Confirmed)
            assert [one.device for one in confirmed.replaced] == [first.device]
            assert (confirmed.line.token, confirmed.line.one_time_keys) == (pending.token, 0)
            await store.close()

        run(main())

    def test_a_stranger_cannot_take_over_a_device_id(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            before = a_pending()
            holder_keys = before.keys
            squatter = a_pending(DeviceKeys(holder_keys.device, drawn(32), drawn(32), drawn(64)))
            await store.add_pending(squatter, now=NOW, at_most=3)
            holder = await enrol(store, before)
            assert await store.confirm(squatter, enrolment_of(squatter), result=b"x", now=NOW) is None
            assert await store.enrolment(holder.device) == holder
            another = a_pending(DeviceKeys(holder_keys.device, drawn(32), drawn(32), drawn(64)))
            assert not await store.add_pending(another, now=NOW, at_most=3)
            await store.close()

        run(main())

    # Keys

    def test_published_keys_are_counted_and_served(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            enrolment = await enrol(store)
            line = await store.publish(enrolment.device, all_keys(1, 2, 3, envelope=7), now=NOW)
            assert line is not None
            assert (line.one_time_keys, line.envelope_keys) == (3, (7,))
            held = await store.held_keys(enrolment.device)
            assert (held.one_time_keys, held.fallback_key, held.envelope_keys) == (3, True, (7,))
            assert await store.publish(DeviceId(drawn(16)), all_keys(1), now=NOW) is None
            await store.close()

        run(main())

    def test_a_one_time_key_is_never_replaced_and_never_taken_again(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            claimer, enrolment = await enrol(store), await enrol(store)
            first = all_keys(3, 1, 2)
            await store.publish(enrolment.device, first, now=NOW)
            await store.publish(enrolment.device, PublishKeys([ratchet_key(2)]), now=NOW)
            given = [(await claimed(store, claimer, (enrolment, b"")))[0][0].ratchet for _ in range(3)]
            assert given == sorted(first.one_time, key=lambda key: key.id)
            line = await store.publish(enrolment.device, PublishKeys(first.one_time), now=NOW)
            assert line is not None
            assert line.one_time_keys == 0, "they were handed out: published again they would be handed out twice"
            await store.close()

        run(main())

    def test_at_most_a_hundred_one_time_keys_are_held(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            enrolment = await enrol(store)
            counts = []
            for start in (0, 50, 100):
                line = await store.publish(enrolment.device, all_keys(*range(start, start + 50)), now=NOW)
                assert line is not None
                counts.append(line.one_time_keys)
            assert counts == [50, 100, 100]
            await store.close()

        run(main())

    def test_the_fallback_key_is_replaced_and_served_when_no_other_is_left(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            claimer, enrolment = await enrol(store), await reachable(store, 1)
            newer = PublishKeys(fallback=ratchet_key(9))
            await store.publish(enrolment.device, newer, now=NOW)
            answers = [(await claimed(store, claimer, (enrolment, b"")))[0][0] for _ in range(3)]
            assert [(one.ratchet.id, one.fallback) for one in answers] == [(1, False), (9, True), (9, True)]
            assert answers[1].ratchet == newer.fallback
            await store.close()

        run(main())

    def test_two_envelope_keys_are_held_and_the_previous_one_for_two_days(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            enrolment = await enrol(store)
            for key_id in (1, 2, 3, 3, 2):
                line = await store.publish(enrolment.device, PublishKeys(envelope=envelope_key(key_id)), now=NOW)
            assert line is not None
            assert line.envelope_keys == (3, 2)
            assert await store.forget(now=NOW + 48 * HOUR - 1) == []
            (line,) = await store.load_lines(now=NOW + 48 * HOUR)
            assert line.envelope_keys == (3,)
            assert await store.forget(now=NOW + 48 * HOUR) == [line]
            assert (await store.held_keys(enrolment.device)).envelope_keys == (3,)
            await store.close()

        run(main())

    # Claims

    def test_a_claim_gives_what_is_needed_to_write(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            claimer, enrolment = await enrol(store), await enrol(store)
            published = all_keys(4, 5)
            await store.publish(enrolment.device, published, now=NOW)
            ((bundle,),) = await claimed(store, claimer, (enrolment, b""))
            assert bundle.keys == enrolment.keys
            assert (bundle.ratchet, bundle.fallback) == (published.one_time[0], False)
            assert bundle.envelope == published.envelope
            await store.close()

        run(main())

    def test_fifty_parallel_claims_hand_each_one_time_key_out_once(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            claimer, enrolment = await enrol(store), await reachable(store, *range(40))
            answers = await asyncio.gather(*(claimed(store, claimer, (enrolment, b"")) for _ in range(50)))
            bundles = [line[0] for (line,) in answers]
            assert sorted(one.ratchet.id for one in bundles if not one.fallback) == list(range(40))
            assert sum(one.fallback for one in bundles) == 10
            await store.close()

        run(main())

    def test_the_same_request_id_gets_the_same_answer(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            claimer, other, enrolment = await enrol(store), await enrol(store), await reachable(store, 1, 2, 3)
            wanted = Claim(drawn(16), [ClaimLine(enrolment.token)])
            first = await store.claim(claimer.device, wanted, now=NOW, per_day=1)
            again = await store.claim(claimer.device, wanted, now=NOW + 599, per_day=1)
            assert again.answer == first.answer, "and it costs no budget"
            assert [line.one_time_keys for line in first.changed] == [2]
            assert again.changed == ()
            others = await store.claim(other.device, wanted, now=NOW, per_day=1)
            assert others.answer != first.answer, "a request id is its device's own"
            later = await store.claim(claimer.device, wanted, now=NOW + 600, per_day=2)
            assert later.answer not in {first.answer, others.answer}
            await store.close()

        run(main())

    def test_a_request_id_of_other_lines_is_refused(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            claimer, one, two = await enrol(store), await reachable(store, 1), await reachable(store, 1)
            request_id = drawn(16)
            await store.claim(claimer.device, Claim(request_id, [ClaimLine(one.token)]), now=NOW, per_day=9)
            with pytest.raises(Refused, match="request id"):
                await store.claim(claimer.device, Claim(request_id, [ClaimLine(two.token)]), now=NOW, per_day=9)
            assert (await store.held_keys(two.device)).one_time_keys == 1
            await store.close()

        run(main())

    def test_unknown_hidden_lapsed_and_empty_lines_look_the_same(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            claimer = await enrol(store)
            hidden, lapsed = await reachable(store, 1, findable="nobody"), await reachable(store, 1)
            no_envelope, no_ratchet = await enrol(store), await enrol(store)
            await store.publish(no_envelope.device, all_keys(1, envelope=None), now=NOW)
            await store.publish(no_ratchet.device, all_keys(fallback=None), now=NOW)
            unknown = enrolment_of(a_pending())
            late = NOW + LIMITS.lease_s
            everyone = (hidden, no_envelope, no_ratchet, claimer)
            await store.renew_leases({one.device: late + 1 for one in everyone}, now=NOW)
            lines = [(one, b"") for one in (unknown, hidden, lapsed, no_envelope, no_ratchet)]
            assert await claimed(store, claimer, *lines, now=late) == [[], [], [], [], []]
            for one in (hidden, lapsed, no_envelope):
                assert (await store.held_keys(one.device)).one_time_keys == 1, "nothing was taken for nothing"
            await store.close()

        run(main())

    def test_the_grant_opens_a_line_that_nobody_may_find(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            claimer, hidden = await enrol(store), await reachable(store, 1, findable="nobody")
            grant = drawn(32)
            line = await store.set_grant(hidden.device, grant_hash(grant), now=NOW)
            assert line is not None
            assert line.grant_hash == grant_hash(grant)
            assert await claimed(store, claimer, (hidden, drawn(32))) == [[]]
            ((bundle,),) = await claimed(store, claimer, (hidden, grant))
            assert bundle.ratchet.id == 1
            assert await store.set_grant(DeviceId(drawn(16)), GrantHash(drawn(32)), now=NOW) is None
            await store.close()

        run(main())

    def test_another_consent_comes_into_force_for_the_same_enrolment(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            one = await reachable(store, 1)
            agreed = AgreedConsent(findable="nobody", receipt_sha256=drawn(32), policy_sha256=drawn(32))
            line = await store.set_consent(one.device, agreed, now=NOW)
            assert line is not None
            assert line.hidden
            held = await store.enrolment(one.device)
            assert held == replace(
                one,
                findable="nobody",
                receipt_sha256=agreed.receipt_sha256,
                policy_sha256=agreed.policy_sha256,
            )
            assert await store.set_consent(DeviceId(drawn(16)), agreed, now=NOW) is None
            await store.close()

        run(main())

    def test_a_purge_ends_what_another_policy_was_agreed_to_for_and_nothing_else(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            current = drawn(32)
            stays = await enrol(store, replace(a_pending(), policy_sha256=current))
            goes = [await reachable(store, 1), await enrol(store)]
            coming, late = replace(a_pending(), policy_sha256=current), a_pending()
            for pending in (coming, late):
                assert await store.add_pending(pending, now=NOW, at_most=3)
            assert await store.without_consent(current) == 2
            assert await store.enrolment(goes[0].device) is not None, "counting changes nothing"
            erasures = await store.purge(current)
            assert {(one.device, one.state) for one in erasures} == {(one.device, OutcomeState.GONE) for one in goes}
            assert sorted(await store.erasures(), key=lambda one: one.device) == sorted(
                erasures, key=lambda one: one.device
            )
            assert [await store.enrolment(one.device) for one in goes] == [None, None]
            assert (await store.held_keys(goes[0].device)).one_time_keys == 0
            assert await store.enrolment(stays.device) == stays
            assert await store.pending(coming.id, now=NOW) is not None
            assert await store.pending(late.id, now=NOW) is None
            assert await store.without_consent(current) == 0
            assert await store.purge(current) == []
            await store.close()

        run(main())

    def test_the_budget_is_counted_by_line_and_fails_closed(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            claimer, enrolment = await enrol(store), await reachable(store, 1, 2, 3, 4)
            two = [ClaimLine(enrolment.token), ClaimLine(Token(b"\5" + drawn(32)))]
            await store.claim(claimer.device, Claim(drawn(16), two), now=NOW, per_day=3)
            with pytest.raises(Refused) as refused:
                await store.claim(claimer.device, Claim(drawn(16), two), now=NOW + 10, per_day=3)
            assert refused.value.retry_after_s == DAY - 10
            assert (await store.held_keys(enrolment.device)).one_time_keys == 3
            await store.claim(claimer.device, Claim(drawn(16), two[:1]), now=NOW + 10, per_day=3)
            await store.claim(claimer.device, Claim(drawn(16), two), now=NOW + DAY, per_day=3)
            await store.close()

        run(main())

    def test_who_is_not_enrolled_claims_nothing(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            enrolment = await reachable(store, 1)
            with pytest.raises(Refused, match="not enrolled"):
                await store.claim(
                    DeviceId(drawn(16)), Claim(drawn(16), [ClaimLine(enrolment.token)]), now=NOW, per_day=9
                )
            assert (await store.held_keys(enrolment.device)).one_time_keys == 1
            await store.close()

        run(main())

    # Leases and ends

    def test_a_lease_moves_forward_and_never_back(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            enrolment = await enrol(store)
            ends = enrolment.lease_ends
            renewed = await store.renew_leases({enrolment.device: ends + 5, DeviceId(drawn(16)): ends}, now=NOW)
            assert [line.lease_ends for line in renewed] == [ends + 5]
            assert [line.lease_ends for line in await store.renew_leases({enrolment.device: ends}, now=NOW)] == [
                ends + 5
            ]
            assert await store.renew_leases({}, now=NOW) == []
            await store.close()

        run(main())

    def test_a_withdrawal_leaves_the_answer_and_the_erasure_to_finish(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            enrolment = await reachable(store, 1, 2)
            await store.add_pending(a_pending(enrolment.keys), now=NOW, at_most=3)
            left = departed(enrolment)
            erasure = await store.withdraw(left)
            assert erasure is not None
            assert (erasure.device, erasure.state) == (enrolment.device, OutcomeState.GONE)
            assert await store.enrolment(enrolment.device) is None
            assert (await store.held_keys(enrolment.device)).envelope_keys == ()
            assert (await store.counts(now=NOW)).pending == 0
            assert await store.withdraw(left) is None
            assert await store.departed(enrolment.device, now=NOW) == left
            assert await store.erasures(enrolment.device) == [erasure]
            assert await store.erasures(DeviceId(drawn(16))) == []
            await store.finished(erasure)
            assert await store.erasures() == []
            assert await store.departed(enrolment.device, now=left.until) is None
            await store.forget(now=left.until)
            assert await store.departed(enrolment.device, now=NOW) is None
            await store.close()

        run(main())

    def test_a_withdrawn_enrolment_cannot_be_confirmed_again(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            pending = a_pending()
            enrolment = await enrol(store, pending)
            await store.withdraw(departed(enrolment))
            assert await store.confirm(pending, enrolment_of(pending), result=b"x", now=NOW) is None
            assert await store.load_lines(now=NOW) == []
            await store.close()

        run(main())

    def test_an_enrolment_lapses_sleeps_and_expires(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            enrolment = await enrol(store)
            expiry = NOW + LIMITS.enrolment_expiry_s
            assert await store.expire(now=expiry - 1) == []
            counts = await store.counts(now=expiry - 1)
            assert (counts.enrolments, counts.lapsed) == (1, 1)
            (erasure,) = await store.expire(now=expiry)
            assert erasure.device == enrolment.device
            assert await store.erasures() == [erasure]
            assert await store.load_lines(now=expiry) == []
            await store.close()

        run(main())

    def test_lines_are_read_for_some_devices_or_for_all(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            one, two = await reachable(store, 1), await reachable(store, 1, 2)
            assert {line.device for line in await store.load_lines(now=NOW)} == {one.device, two.device}
            (line,) = await store.load_lines(now=NOW, devices=[two.device])
            assert (line.device, line.one_time_keys) == (two.device, 2)
            await store.close()

        run(main())

    def test_what_is_counted(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            await store.add_pending(a_pending(), now=NOW, at_most=3)
            await reachable(store, 1, 2, 3)
            await store.withdraw(departed(await enrol(store)))
            counts = await store.counts(now=NOW)
            assert (counts.enrolments, counts.lapsed, counts.one_time_keys, counts.erasures) == (1, 0, 3, 1)
            assert counts.pending == 2
            await store.forget(now=NOW + LIMITS.code_s)
            assert (await store.counts(now=NOW)).pending == 0
            await store.close()

        run(main())
