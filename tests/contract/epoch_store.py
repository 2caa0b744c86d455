"""What every `DirectoryStore` has to do about two epochs; run over each of them by test_epoch_store.py."""

from dataclasses import replace

from sayso.protocol.api import Claim, ClaimLine
from sayso.protocol.ids import Token
from sayso.server.core.directory import Enrolment
from sayso.server.directory_port import Confirmed, DirectoryStore, Locked
from tests.aio import run
from tests.contract.directory_store import NOW, PER_DAY, a_pending, drawn, enrol, enrolment_of, reachable


def token(epoch: int) -> Token:
    return Token(bytes([epoch]) + drawn(32))


async def moved(store: DirectoryStore, enrolment: Enrolment) -> Token:
    """Move a line to epoch 6; returns its token there."""
    fresh = token(6)
    line = await store.move(enrolment.device, enrolment.token, fresh, now=NOW)
    assert line is not None
    assert line.tokens == (fresh, enrolment.token)
    return fresh


class EpochStoreContract:
    """Subclass it and give `open_store`."""

    async def open_store(self) -> DirectoryStore:
        raise NotImplementedError

    def test_a_moved_line_is_reached_under_both_tokens(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            claimer, line = await enrol(store), await reachable(store, 1, 2, 3)
            fresh = await moved(store, line)
            found = await store.enrolment(line.device)
            assert found == replace(line, token=fresh, previous_token=line.token)
            claim = Claim(drawn(16), [ClaimLine(fresh), ClaimLine(line.token), ClaimLine(token(5))])
            answer = (await store.claim(claimer.device, claim, now=NOW, per_day=PER_DAY)).answer
            assert answer.count(b'"devices":[]') == 1
            await store.close()

        run(main())

    def test_only_the_token_that_a_line_has_is_moved(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            line = await enrol(store)
            assert await store.move(line.device, token(5), token(6), now=NOW) is None
            fresh = await moved(store, line)
            assert await store.move(line.device, line.token, token(6), now=NOW) is None
            found = await store.enrolment(line.device)
            assert found is not None
            assert found.token == fresh
            await store.close()

        run(main())

    def test_the_end_of_an_epoch_forgets_its_tokens_and_the_lines_that_have_no_other(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            stays, late, fresh = await enrol(store), await enrol(store), await enrol(store, a_pending(token=token(6)))
            now_at = await moved(store, stays)
            ended = await store.end_epochs((6,), now=NOW)
            assert [one.device for one in ended.erasures] == [late.device]
            assert {line.device: line.tokens for line in ended.changed} == {
                stays.device: (now_at,),
                fresh.device: (fresh.token,),
            }
            assert await store.enrolment(late.device) is None
            assert await store.erasures() == list(ended.erasures)
            again = await store.end_epochs((6,), now=NOW)
            assert (again.erasures, again.changed) == ((), ())
            await store.close()

        run(main())

    def test_while_both_live_nothing_ends(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            line = await enrol(store)
            await moved(store, line)
            ended = await store.end_epochs((6, 5), now=NOW)
            assert (ended.erasures, ended.changed) == ((), ())
            await store.close()

        run(main())

    def test_codes_of_an_epoch_that_ends_are_forgotten(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            old = replace(a_pending(token=token(5)), other_token=token(6))
            new = replace(a_pending(token=token(6)), other_token=token(5))
            for pending in (old, new):
                assert await store.add_pending(pending, now=NOW, at_most=3)
            await store.end_epochs((6,), now=NOW)
            assert await store.pending(old.id, now=NOW) is None
            assert await store.pending(new.id, now=NOW) == replace(new, other_token=None)
            await store.close()

        run(main())

    def test_a_newcomer_by_either_token_meets_the_holder(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            holder = await enrol(store)
            six = token(6)
            for mine, other in ((six, holder.token), (holder.token, six)):
                pending = replace(a_pending(token=mine), other_token=other)
                assert await store.add_pending(pending, now=NOW, at_most=9)
                answer = await store.confirm(pending, enrolment_of(pending), result=b"came", now=NOW)
                assert isinstance(answer, Locked)
            await store.close()

        run(main())

    def test_the_same_device_again_takes_its_line_along(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            line = await enrol(store)
            pending = replace(a_pending(line.keys, token(6)), other_token=line.token)
            assert await store.add_pending(pending, now=NOW, at_most=9)
            answer = await store.confirm(pending, enrolment_of(pending), result=b"came", now=NOW)
            assert isinstance(answer, Confirmed)
            assert [one.token for one in await store.load_lines(now=NOW)] == [pending.token]
            await store.close()

        run(main())

    def test_two_epochs_give_a_number_no_more_codes_than_one(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            five, six = token(5), token(6)
            taken = [
                await store.add_pending(replace(a_pending(token=mine), other_token=other), now=NOW, at_most=3)
                for mine, other in ((five, six), (six, five)) * 2
            ]
            assert taken == [True, True, True, False]
            await store.close()

        run(main())
