"""What every MailboxStore must do. Subclass `MailboxStoreContract` and give it a `disk` that can restart and fail."""

from collections.abc import Collection
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

import pytest
from hypothesis import strategies as st

from sayso.protocol.frames import OutcomeState
from sayso.protocol.ids import DeviceId, EnvelopeId, HandleHash, envelope_id, handle_hash
from sayso.server.core.model import Batch, Doubt, Put, StoredOutcome, Waiting
from sayso.server.errors import NoSpaceError, StoreError
from sayso.server.ports import MailboxStore
from tests.aio import run

T = TypeVar("T")

ANNA = DeviceId(b"device of anna..")
BEN = DeviceId(b"device of ben...")


class Disk(Protocol):
    """What a store keeps its mailboxes on."""

    def store(self) -> AbstractAsyncContextManager[MailboxStore]:
        """Open the store; leaving the context closes it. One at a time; what was committed is there the next time."""
        ...

    def fill(self) -> None:
        """Make the disk full."""
        ...

    def free(self) -> None:
        """End that, and `break_down`."""
        ...

    def break_down(self) -> None:
        """Make it fail so that nobody knows what was written."""
        ...


def put(seq: int, device: DeviceId = ANNA, *, envelope: bytes | None = None, handed: bool = False) -> Put:
    """Return an envelope to store, different for each seq."""
    envelope = envelope if envelope is not None else b"envelope %d" % seq * 100
    return Put(
        waiting=Waiting(
            seq=seq,
            device=device,
            envelope_id=envelope_id(envelope),
            handle_hash=handle_hash(b"handle %d" % seq),
            deposited=100.0 + seq,
            expires=10_000.0 + seq,
            size=len(envelope),
            granted=bool(seq % 2),
            handed=handed,
        ),
        envelope=envelope,
    )


def outcome(of: Put, state: OutcomeState = OutcomeState.DELIVERED, *, at: float = 500.0) -> StoredOutcome:
    """Return the outcome of an envelope."""
    waiting = of.waiting
    return StoredOutcome(
        handle_hash=waiting.handle_hash, state=state, granted=waiting.granted, deposited=waiting.deposited, at=at
    )


def doubt(of: Put) -> Doubt:
    """Return the doubt about an envelope that was recalled after it had been handed."""
    waiting = of.waiting
    return Doubt(
        device=waiting.device,
        envelope_id=waiting.envelope_id,
        handle_hash=waiting.handle_hash,
        granted=waiting.granted,
        deposited=waiting.deposited,
        expires=waiting.expires,
        refused_means=OutcomeState.RECALLED,
    )


class MailboxStoreContract:
    """The tests; each begins with an empty disk."""

    def new_disk(self) -> Disk:
        """Return an empty disk."""
        raise NotImplementedError

    def test_a_new_disk_is_empty(self) -> None:
        async def main(disk: Disk) -> None:
            async with disk.store() as store:
                held = await store.load()
                assert (held.waiting, held.doubts) == ([], [])
                assert held.next_seq >= 1
                assert await store.window(ANNA, [1, 2]) == []
                assert await store.outcome(handle_hash(b"none")) is None

        run(main(self.new_disk()))

    def test_what_is_put_is_there_in_order_also_after_a_restart(self) -> None:
        puts = [put(seq, BEN if seq % 3 else ANNA) for seq in (7, 3, 5, 4, 300)]

        async def main(disk: Disk) -> None:
            async with disk.store() as store:
                await store.commit(Batch(put=puts[:2]))
                await store.commit(Batch(put=puts[2:]))
            async with disk.store() as store:
                held = await store.load()
                assert held.waiting == [p.waiting for p in sorted(puts, key=lambda p: p.waiting.seq)]
                assert held.next_seq >= 301
                of_ben = [(p.waiting.seq, p.envelope) for p in puts if p.waiting.device == BEN]
                assert await store.window(BEN, sorted(seq for seq, _ in of_ben)) == sorted(of_ben)

        run(main(self.new_disk()))

    def test_a_window_gives_nothing_of_another_device_and_nothing_that_is_not_there(self) -> None:
        async def main(disk: Disk) -> None:
            async with disk.store() as store:
                await store.commit(Batch(put=[put(1, ANNA), put(2, BEN), put(3, ANNA)]))
                assert [seq for seq, _ in await store.window(ANNA, [1, 2, 3, 4])] == [1, 3]
                assert await store.window(ANNA, []) == []

        run(main(self.new_disk()))

    def test_many_in_one_batch_and_one_window_of_all_sizes(self) -> None:
        puts = [put(seq, envelope=bytes([seq % 256]) * (seq * 97)) for seq in range(1, 301)]
        puts.append(put(301, envelope=b"x" * 65536))

        async def main(disk: Disk) -> None:
            async with disk.store() as store:
                await store.commit(Batch(put=puts))
                window = await store.window(ANNA, [p.waiting.seq for p in puts])
                assert window == [(p.waiting.seq, p.envelope) for p in puts]
                await store.commit(Batch(settled=[(p.waiting.seq, outcome(p)) for p in puts]))
                assert (await store.load()).waiting == []

        run(main(self.new_disk()))

    def test_an_envelope_may_come_as_a_view_of_a_buffer(self) -> None:
        async def main(disk: Disk) -> None:
            async with disk.store() as store:
                view = memoryview(bytearray(b"..an envelope.."))[2:-2]
                await store.commit(Batch(put=[Put(waiting=put(1).waiting, envelope=view)]))
                assert await store.window(ANNA, [1]) == [(1, b"an envelope")]

        run(main(self.new_disk()))

    def test_the_handed_watermark_is_durable_and_never_sinks(self) -> None:
        async def main(disk: Disk) -> None:
            async with disk.store() as store:
                await store.commit(Batch(put=[put(1), put(2, BEN), put(3), put(4), put(5, handed=True)]))
                await store.commit(Batch(handed={ANNA: 3, BEN: 1}))
                await store.commit(Batch(handed={ANNA: 1}))
            async with disk.store() as store:
                assert [w.handed for w in (await store.load()).waiting] == [True, False, True, False, True]

        run(main(self.new_disk()))

    def test_settling_deletes_the_envelope_and_writes_the_outcome(self) -> None:
        one, two = put(1), put(2)

        async def main(disk: Disk) -> None:
            async with disk.store() as store:
                await store.commit(Batch(put=[one, two]))
                await store.commit(Batch(settled=[(1, outcome(one, OutcomeState.EXPIRED))]))
            async with disk.store() as store:
                assert [w.seq for w in (await store.load()).waiting] == [2]
                assert await store.window(ANNA, [1]) == []
                assert await store.outcome(one.waiting.handle_hash) == outcome(one, OutcomeState.EXPIRED)
                assert await store.outcome(two.waiting.handle_hash) is None

        run(main(self.new_disk()))

    def test_an_envelope_can_come_and_go_in_one_batch(self) -> None:
        one = put(1)

        async def main(disk: Disk) -> None:
            async with disk.store() as store:
                await store.commit(Batch(put=[one], settled=[(1, outcome(one))]))
                held = await store.load()
                assert held.waiting == []
                assert held.next_seq >= 2
                assert await store.outcome(one.waiting.handle_hash) == outcome(one)

        run(main(self.new_disk()))

    def test_a_doubt_outlives_the_envelope_until_it_is_resolved(self) -> None:
        one, two = put(1), put(2, BEN)

        async def main(disk: Disk) -> None:
            async with disk.store() as store:
                await store.commit(Batch(put=[one, two], handed={ANNA: 1, BEN: 2}))
                await store.commit(Batch(doubted=[(1, doubt(one)), (2, doubt(two))]))
            async with disk.store() as store:
                held = await store.load()
                assert held.waiting == []
                assert sorted(held.doubts, key=lambda d: d.device) == [doubt(one), doubt(two)]
                resolved = (ANNA, one.waiting.envelope_id, outcome(one, OutcomeState.RECALLED))
                await store.commit(Batch(resolved=[resolved]))
            async with disk.store() as store:
                assert (await store.load()).doubts == [doubt(two)]
                found = await store.outcome(one.waiting.handle_hash)
                assert found is not None
                assert found.state is OutcomeState.RECALLED

        run(main(self.new_disk()))

    def test_the_same_envelope_id_may_be_in_doubt_for_two_devices(self) -> None:
        one, other = put(1, ANNA, envelope=b"same"), put(2, BEN, envelope=b"same")

        async def main(disk: Disk) -> None:
            async with disk.store() as store:
                await store.commit(Batch(put=[one, other]))
                await store.commit(Batch(doubted=[(1, doubt(one)), (2, doubt(other))]))
                await store.commit(Batch(resolved=[(ANNA, one.waiting.envelope_id, outcome(one))]))
                assert (await store.load()).doubts == [doubt(other)]

        run(main(self.new_disk()))

    def test_outcomes_are_written_replaced_collected_and_forgotten(self) -> None:
        puts = [put(seq) for seq in range(1, 5)]

        async def main(disk: Disk) -> None:
            async with disk.store() as store:
                await store.commit(Batch(outcomes=[outcome(p, at=100.0 * p.waiting.seq) for p in puts]))
                changed = outcome(puts[3], OutcomeState.UNREADABLE, at=400.0)
                await store.commit(Batch(outcomes=[changed]))
                assert await store.outcome(puts[3].waiting.handle_hash) == changed
                await store.commit(Batch(collected=[puts[2].waiting.handle_hash, handle_hash(b"none")]))
                await store.commit(Batch(forget_before=200.0))
            async with disk.store() as store:
                found = [await store.outcome(p.waiting.handle_hash) for p in puts]
                assert found == [None, outcome(puts[1], at=200.0), None, changed]

        run(main(self.new_disk()))

    def test_a_seq_is_never_given_out_twice(self) -> None:
        async def main(disk: Disk) -> None:
            async with disk.store() as store:
                await store.commit(Batch(put=[put(seq) for seq in range(1, 10)]))
                await store.commit(Batch(settled=[(seq, outcome(put(seq))) for seq in range(1, 10)]))
            async with disk.store() as store:
                assert (await store.load()).next_seq >= 10
                await store.commit(Batch(handed={ANNA: 20}))
            async with disk.store() as store:
                assert (await store.load()).next_seq >= 21

        run(main(self.new_disk()))

    def test_an_empty_batch_changes_nothing(self) -> None:
        async def main(disk: Disk) -> None:
            async with disk.store() as store:
                await store.commit(Batch())
                held = await store.load()
                assert (held.waiting, held.doubts) == ([], [])

        run(main(self.new_disk()))

    def test_a_full_disk_stores_nothing_and_the_store_goes_on(self) -> None:
        kept, lost = put(1), put(2)
        everything = Batch(
            put=[lost], handed={ANNA: 1}, settled=[(1, outcome(kept))], outcomes=[outcome(lost)], forget_before=1.0
        )

        async def main(disk: Disk) -> None:
            async with disk.store() as store:
                await store.commit(Batch(put=[kept]))
                disk.fill()
                with pytest.raises(NoSpaceError):
                    await store.commit(everything)
                assert await store.window(ANNA, [1, 2]) == [(1, kept.envelope)]
                assert [w.handed for w in (await store.load()).waiting] == [False]
                assert await store.outcome(lost.waiting.handle_hash) is None
                disk.free()
                await store.commit(Batch(put=[lost]))
            async with disk.store() as store:
                assert [w.seq for w in (await store.load()).waiting] == [1, 2]

        run(main(self.new_disk()))

    def test_a_broken_disk_ends_the_store_until_it_is_opened_anew(self) -> None:
        async def main(disk: Disk) -> None:
            async with disk.store() as store:
                await store.commit(Batch(put=[put(1)]))
                disk.break_down()
                with pytest.raises(StoreError) as failed:
                    await store.commit(Batch(put=[put(2)]))
                assert not isinstance(failed.value, NoSpaceError)
                disk.free()
                for dead in (store.commit(Batch(put=[put(3)])), store.load(), store.window(ANNA, [1])):
                    with pytest.raises(StoreError):
                        await dead
            async with disk.store() as store:
                seqs = [w.seq for w in (await store.load()).waiting]
                assert seqs in ([1], [1, 2])  # nobody knows about the second; the third was refused
                assert [seq for seq, _ in await store.window(ANNA, [1, 2, 3])] == seqs

        run(main(self.new_disk()))


def check_against_a_model(disk: Disk, data: st.DataObject) -> None:
    """Random batches, restarts at random, the disk full now and then: a restart shows what was committed.

    Hypothesis wants each test to have one executor; so each subclass has its own `@given` that calls this.
    """

    async def main(disk: Disk) -> None:
        model: dict[int, Put] = {}
        outcomes: dict[HandleHash, StoredOutcome] = {}
        doubts: dict[tuple[DeviceId, EnvelopeId], Doubt] = {}
        next_seq = 1
        for _ in range(data.draw(st.integers(1, 4))):
            async with disk.store() as store:
                held = await store.load()
                assert held.waiting == [model[seq].waiting for seq in sorted(model)]
                assert {(d.device, d.envelope_id): d for d in held.doubts} == doubts
                assert held.next_seq >= next_seq
                for _ in range(data.draw(st.integers(0, 4))):
                    fresh = [put(next_seq + i, data.draw(_DEVICES)) for i in range(data.draw(st.integers(0, 70)))]
                    leaving = _some(model.values(), data.draw(_MASKS))
                    settled, doubted = leaving[::2], leaving[1::2]
                    batch = Batch(
                        put=fresh,
                        settled=[(p.waiting.seq, outcome(p)) for p in settled],
                        doubted=[(p.waiting.seq, doubt(p)) for p in doubted],
                        collected=_some(outcomes, data.draw(_MASKS)),
                    )
                    if data.draw(st.integers(0, 4)) == 0 and batch:
                        disk.fill()
                        with pytest.raises(NoSpaceError):
                            await store.commit(batch)
                        disk.free()
                        continue
                    await store.commit(batch)
                    next_seq += len(fresh)
                    model |= {p.waiting.seq: p for p in fresh}
                    for p in leaving:
                        del model[p.waiting.seq]
                    outcomes |= {p.waiting.handle_hash: outcome(p) for p in settled}
                    outcomes = {key: o for key, o in outcomes.items() if key not in batch.collected}
                    doubts |= {(p.waiting.device, p.waiting.envelope_id): doubt(p) for p in doubted}
                    for handle in {*outcomes, *batch.collected}:
                        assert await store.outcome(handle) == outcomes.get(handle)
                for device in (ANNA, BEN):
                    of_device = [model[seq] for seq in sorted(model) if model[seq].waiting.device == device]
                    window = await store.window(device, [p.waiting.seq for p in of_device])
                    assert window == [(p.waiting.seq, p.envelope) for p in of_device]

    run(main(disk))


def _some(members: Collection[T], mask: int) -> list[T]:
    """Return the members whose bit is set."""
    return [member for place, member in enumerate(members) if mask >> (place % 16) & 1]


_DEVICES = st.sampled_from([ANNA, BEN])
_MASKS = st.integers(0, 2**16 - 1)
