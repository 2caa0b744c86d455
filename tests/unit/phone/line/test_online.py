"""Two phones and an honest server: what people see."""

from dataclasses import replace

import pytest

from sayso.phone.adapters.store.peers import Contact
from sayso.phone.core.lines import LineState
from sayso.phone.core.outbox import Parcel
from sayso.phone.core.sessions import Session
from sayso.phone.core.texts import Direction
from sayso.phone.line.leaving import ENROLMENT_ENDED
from sayso.protocol.frames import ByeReason, Deliver, Error, Outcome, OutcomeState, Withdraw, Withdrawn
from sayso.protocol.ids import envelope_id, grant_hash
from sayso.protocol.limits import LIMITS
from tests.aio import run
from tests.fakes.phones import ALICE, BOB, CAROL, Phone, Town


async def _both(town: Town, alice: Phone, bob: Phone) -> None:
    await alice.opt_in()
    await bob.opt_in()
    assert alice.state is bob.state is LineState.ON
    await town.settle()


async def _acquainted(town: Town, alice: Phone, bob: Phone) -> None:
    """Both are on, and have written to each other."""
    await _both(town, alice, bob)
    first = alice.send(BOB, "hello")
    await town.settle()
    answer = bob.send(ALICE, "hi")
    await town.settle()
    assert (alice.state_of(first), bob.state_of(answer)) == ("delivered", "delivered")


def _words(phone: Phone, number: str) -> list[str]:
    return [row.text for row in phone.texts(number) if row.direction is Direction.IN]


def _system(phone: Phone) -> list[str | None]:
    return [row.reason for row in phone.texts() if row.direction is Direction.SYSTEM]


def test_texts_and_receipts_both_ways() -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running(), bob.running():
            await _both(town, alice, bob)
            first = alice.send(BOB, "hello 😀")
            await town.settle()
            # Bob has never written to Alice, nor is she a contact: he tells her nothing yet.
            assert alice.state_of(first) == "accepted"
            assert bob.said(ALICE) == [("in", "cloud", "hello 😀", "new")]
            answer = bob.send(ALICE, "שלום")
            await town.settle()
            assert alice.state_of(first) == "delivered"
            assert bob.state_of(answer) == "delivered"
            assert _words(alice, BOB) == ["שלום"]

    run(main())


def test_a_contact_is_told_of_delivery_without_an_answer() -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running(), bob.running():
            await _both(town, alice, bob)
            with bob.store.transaction("contact"):
                bob.store.peers.put_contact(Contact(number=ALICE, name="Alice"))
            first = alice.send(BOB, "hello")
            await town.settle()
            assert alice.state_of(first) == "delivered"

    run(main())


def test_receiving_from_a_stranger_causes_no_lookup() -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running(), bob.running():
            await _both(town, alice, bob)
            alice.send(BOB, "hello")
            await town.settle()
            claims, deposits = len(town.server.claims), len(town.server.deposits)
            bob.service.open_thread(ALICE)
            bob.texts(ALICE)
            await town.pass_time(3600)
            assert (len(town.server.claims), len(town.server.deposits)) == (claims, deposits)

    run(main())


def test_read_receipts_only_when_switched_on() -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running(), bob.running():
            await _acquainted(town, alice, bob)
            one = alice.send(BOB, "one")
            await town.settle()
            deposits = len(town.server.deposits)
            bob.service.open_thread(ALICE)
            await town.pass_time(600)
            assert alice.state_of(one) == "delivered"
            assert len(town.server.deposits) == deposits
            bob.service.set_read_receipts(on=True)
            two = alice.send(BOB, "two")
            await town.settle()
            bob.service.open_thread(ALICE)
            await town.settle()
            assert (alice.state_of(one), alice.state_of(two)) == ("delivered", "read")

    run(main())


def test_a_receipt_never_causes_a_receipt() -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running(), bob.running():
            await _acquainted(town, alice, bob)
            alice.send(BOB, "one")
            await town.settle()
            deposits = len(town.server.deposits)
            await town.pass_time(3600)
            assert len(town.server.deposits) == deposits

    run(main())


def test_an_offline_recipient_gets_everything_in_order() -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running():
            async with bob.running():
                await _acquainted(town, alice, bob)
            sent = [alice.send(BOB, f"text {n}") for n in range(60)]
            await town.settle()
            await town.pass_time(1)
            assert {alice.state_of(one) for one in sent} == {"accepted"}
            async with bob.running():
                await town.settle()
                assert _words(bob, ALICE) == ["hello", *(f"text {n}" for n in range(60))]
                assert {alice.state_of(one) for one in sent} == {"delivered"}
                assert not town.server.waiting

    run(main())


def test_the_longest_text_arrives_whole() -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running(), bob.running():
            await _acquainted(town, alice, bob)
            long = "😀" * (LIMITS.body_bytes // 4)
            alice.send(BOB, long)
            await town.settle()
            assert _words(bob, ALICE)[-1] == long

    run(main())


def test_who_is_not_in_the_cloud_gets_an_sms_at_once_and_the_message_says_so() -> None:
    async def main() -> None:
        town = Town()
        alice, carol = town.phone(ALICE), town.phone(CAROL)
        async with alice.running(), carol.running():
            await alice.opt_in()
            sent = alice.send(CAROL, "hello")
            await town.settle()
            assert (alice.state_of(sent), alice.text(sent).reason) == ("sms-delivered", "not-in-cloud")
            assert carol.said(ALICE) == [("in", "sms", "hello", "new")]

    run(main())


def test_without_the_server_texts_wait_and_go_when_it_is_back() -> None:
    async def main() -> None:
        town = Town()
        alice, bob, carol = town.phone(ALICE), town.phone(BOB), town.phone(CAROL)
        async with alice.running(), bob.running(), carol.running():
            await _acquainted(town, alice, bob)
            alice.send(CAROL, "by sms")
            await town.settle()
            town.server.stop()
            await town.settle()
            waits = alice.send(BOB, "wait for me")
            known = alice.send(CAROL, "by sms again")
            await town.pass_time(60)
            assert (alice.state_of(waits), alice.text(waits).reason) == ("queued", "no-connection")
            assert alice.state_of(known) == "sms-delivered"
            town.server.off = False
            await town.pass_time(600)
            assert alice.state_of(waits) == "delivered"

    run(main())


def test_who_has_left_the_cloud_does_not_silently_become_an_sms_peer() -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running(), bob.running():
            await _acquainted(town, alice, bob)
            await bob.service.opt_out()
            first, second = alice.send(BOB, "secret"), alice.send(BOB, "harmless")
            await town.pass_time(3600)
            assert [(alice.state_of(t), alice.text(t).reason) for t in (first, second)] == [("queued", "ask")] * 2
            alice.service.send_as_sms(second.message_id)
            await town.settle()
            assert (alice.state_of(second), alice.text(second).reason) == ("sms-delivered", "owner-chose")
            assert alice.state_of(first) == "queued"
            await bob.opt_in()
            bob.send(ALICE, "I am back")
            await town.settle()
            assert alice.state_of(first) == "delivered"
            assert [sms.text for sms in town.network.accepted if sms.to == BOB and sms.sender == ALICE] == ["harmless"]
            assert _system(alice) == ["key-changed"]

    run(main())


def test_a_peer_with_a_new_phone_gets_the_text_and_the_change_is_shown() -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running(), bob.running():
            await _acquainted(town, alice, bob)
            town.server.forget(_device(bob))
            await town.settle()
            await town.pass_time(60)
            assert bob.state is LineState.OFF
            await bob.opt_in()
            sent = alice.send(BOB, "to the new phone")
            await town.settle()
            assert alice.state_of(sent) == "delivered"
            assert _system(alice) == ["key-changed"]
            assert alice.store.peers.get(alice.line, BOB).key_changed

    run(main())


def test_an_unreadable_text_is_sent_again_through_a_new_session() -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running(), bob.running():
            await _acquainted(town, alice, bob)
            _lose_sessions(bob)
            sent = alice.send(BOB, "again?")
            await town.settle()
            assert alice.state_of(sent) == "delivered"
            assert _words(bob, ALICE) == ["hello", "again?"]

    run(main())


def test_a_text_that_stays_unreadable_fails_after_two_more_tries() -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running(), bob.running():
            await _acquainted(town, alice, bob)
            for key in bob.store.lines.envelope_keys(bob.line):
                with bob.store.transaction("lost"):
                    bob.store.lines.destroy_envelope_key(bob.line, key.key_id)
            deposits = len(town.server.deposits)
            sent = alice.send(BOB, "never")
            await town.settle()
            await town.pass_time(120)
            assert (alice.state_of(sent), alice.text(sent).reason) == ("failed", "unreadable")
            assert len(town.server.deposits) - deposits == 1 + LIMITS.resend_unreadable

    run(main())


def test_a_full_mailbox_keeps_the_queue() -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running(), bob.running():
            await _acquainted(town, alice, bob)
            town.server.mailbox_full = True
            sent = [alice.send(BOB, f"text {n}") for n in range(3)]
            await town.pass_time(30)
            assert {(alice.state_of(t), alice.text(t).reason) for t in sent} == {("deposited", "mailbox-full")}
            town.server.mailbox_full = False
            await town.pass_time(600)
            assert {alice.state_of(t) for t in sent} == {"delivered"}
            assert _words(bob, ALICE) == ["hello", "text 0", "text 1", "text 2"]

    run(main())


def test_an_unanswered_deposit_is_repeated_byte_for_byte() -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running():
            async with bob.running():
                await _acquainted(town, alice, bob)
            link = town.server.links[_device(alice)]
            link.say = lambda *_: None  # type: ignore[method-assign]  # every answer is lost
            before = len(town.server.deposits)
            sent = alice.send(BOB, "once")
            await town.settle()
            assert alice.state_of(sent) == "deposited"
        async with alice.running():
            await town.settle()
            tries = [deposit.parts[0].envelope for deposit in town.server.deposits[before:]]
            assert len(tries) == 2
            assert tries[0] == tries[1]
            assert alice.state_of(sent) == "accepted"
        async with bob.running():
            await town.settle()
            assert _words(bob, ALICE) == ["hello", "once"]

    run(main())


def test_a_text_whose_answer_was_lost_is_not_taken_for_undelivered() -> None:
    """The recipient leaves after it was delivered: the refusal of the second try proves nothing, the outcome does."""

    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running(), bob.running():
            await _acquainted(town, alice, bob)
            device = _device(alice)
            link = town.server.links[device]
            link.say = lambda *_: None  # type: ignore[method-assign]  # every answer is lost
            sent = alice.send(BOB, "delivered")
            await town.settle()
            assert _words(bob, ALICE) == ["hello", "delivered"]
            town.server.waiting = [one for one in town.server.waiting if one.device != device]
            await bob.service.opt_out()
            link.hang_up()
            await town.pass_time(30)
            assert (alice.state_of(sent), alice.text(sent).reason) == ("accepted", "relay-says-delivered")

    run(main())


def test_the_server_ends_the_enrolment_and_the_phone_never_comes_back_by_itself() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            town.server.enrolments.clear()
            town.server.stop()
            town.server.off = False
            await town.pass_time(60)
            assert alice.state is LineState.OFF
            assert alice.service.line.trouble == ENROLMENT_ENDED
            assert alice.service.device is None
            await town.pass_time(10 * 24 * 3600)
            assert not town.server.links

    run(main())


def test_the_same_envelope_twice_is_shown_once_and_acknowledged_twice() -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running(), bob.running():
            await _acquainted(town, alice, bob)
            alice.send(BOB, "once")
            await town.settle()
            part = next(d.parts[0] for d in reversed(town.server.deposits) if d.parts[0].device == _device(bob))
            again = _deliver(part.envelope)
            town.server.links[_device(bob)].say(again)
            await town.settle()
            assert _words(bob, ALICE) == ["hello", "once"]

    run(main())


def test_withdraw_is_answered_truthfully_and_kept_to() -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running(), bob.running():
            await _acquainted(town, alice, bob)
            shown = next(d.parts[0].envelope for d in town.server.deposits if d.parts[0].device == _device(bob))
            link = town.server.links[_device(bob)]
            link.say(Withdraw(envelope_id(shown)))
            await town.settle()
            assert link.withdrawn == [Withdrawn(envelope_id(shown), had_it=True)]
            # One that Bob has not seen yet: taken out of his mailbox while he is away.
            del town.server.links[_device(bob)]
            alice.send(BOB, "recalled")
            await town.settle()
            (late,) = [one.envelope for one in town.server.waiting]
            town.server.waiting.clear()
            link.say(Withdraw(envelope_id(late)))
            link.say(_deliver(late))
            await town.settle()
            assert link.withdrawn[1:] == [Withdrawn(envelope_id(late), had_it=False)] * 2
            assert _words(bob, ALICE) == ["hello"]

    run(main())


def test_an_unknown_frame_is_answered_and_the_stream_stays() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            link = town.server.links[_device(alice)]
            link.say_unknown(99)
            await town.settle()
            assert [frame.frame for frame in link.odd if isinstance(frame, Error)] == [99]
            assert alice.service.connected

    run(main())


def test_two_first_messages_that_cross_settle_on_one_session() -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running(), bob.running():
            await _both(town, alice, bob)
            alice.send(BOB, "a1")
            bob.send(ALICE, "b1")
            await town.settle()
            for n in (2, 3):
                alice.send(BOB, f"a{n}")
                bob.send(ALICE, f"b{n}")
                await town.settle()
            assert _words(alice, BOB) == ["b1", "b2", "b3"]
            assert _words(bob, ALICE) == ["a1", "a2", "a3"]
            assert {row.state for row in alice.texts(BOB) if row.direction is Direction.OUT} == {"delivered"}

    run(main())


def test_the_grant_is_given_and_used() -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running(), bob.running():
            await _both(town, alice, bob)
            alice.send(BOB, "hello")
            await town.settle()
            assert town.server.deposits[-1].grant == b""
            bob.send(ALICE, "hi")
            await town.settle()
            alice.send(BOB, "again")
            await town.settle()
            assert _enrolment_grant(town, bob) == alice.store.peers.get(alice.line, BOB).grant
            assert any(d.grant for d in town.server.deposits if d.parts[0].device == _device(bob))

    run(main())


def test_after_500_unanswered_a_new_session_is_opened() -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running(), bob.running():
            await _acquainted(town, alice, bob)
            (session,) = _sessions(alice, BOB)
            with alice.store.transaction("worn"):
                alice.store.peers.put_session(replace(session, unanswered=LIMITS.session_unanswered))
            sent = alice.send(BOB, "on a new session")
            await town.settle()
            assert alice.state_of(sent) == "delivered"
            assert len(_sessions(alice, BOB)) == 2

    run(main())


def test_what_is_in_custody_is_asked_about_after_a_reconnect() -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running():
            async with bob.running():
                await _acquainted(town, alice, bob)
            sent = alice.send(BOB, "too late")
            await town.settle()
            (one,) = town.server.waiting
            town.server.waiting.clear()
            town.server.outcomes[one.handle_hash] = OutcomeState.EXPIRED
            town.server.links[_device(alice)].hang_up()
            await town.pass_time(60)
            assert (alice.state_of(sent), alice.text(sent).reason) == ("failed", "expired")
            assert one.handle_hash not in town.server.outcomes  # collected

    run(main())


@pytest.mark.parametrize("reason", [ByeReason.STOPPING, ByeReason.REPLACED])
def test_the_phone_comes_back_after_a_goodbye(reason: ByeReason) -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            town.server.links[_device(alice)].hang_up(reason)
            await town.settle()
            assert not alice.service.connected
            await town.pass_time(60)
            assert alice.service.connected

    run(main())


def test_an_outcome_of_somebody_elses_handle_changes_nothing() -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running(), bob.running():
            await _acquainted(town, alice, bob)
            before = alice.said(BOB)
            town.server.links[_device(alice)].say(Outcome(0, bytes(32), OutcomeState.UNREADABLE))
            await town.settle()
            assert alice.said(BOB) == before

    run(main())


def test_a_line_that_nobody_may_find_can_still_write_first_and_be_answered() -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running(), bob.running():
            await alice.opt_in(findable="nobody")
            await bob.opt_in()
            first = bob.send(ALICE, "anybody there?")
            await town.settle()
            assert bob.text(first).reason == "not-in-cloud"
            sent = alice.send(BOB, "I am")
            await town.settle()
            answer = bob.send(ALICE, "hi")
            await town.settle()
            assert (alice.state_of(sent), bob.state_of(answer)) == ("delivered", "delivered")

    run(main())


def test_a_newer_kind_is_kept_and_said() -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running(), bob.running():
            await _acquainted(town, alice, bob)
            with alice.store.transaction("from-the-future"):
                alice.store.outbox.add(_parcel(alice, BOB, kind=77, body=b"\x91\xa5hello"))
            alice.send(BOB, "and a text")
            await town.settle()
            rows = [row for row in bob.texts(ALICE) if row.reason == "newer-kind"]
            assert [(row.kind, row.raw) for row in rows] == [(77, b"\x91\xa5hello")]
            assert _words(bob, ALICE)[-1] == "and a text"

    run(main())


def _device(phone: Phone) -> bytes:
    device = phone.service.device
    assert device is not None
    return device.device


def _deliver(envelope: bytes) -> Deliver:
    return Deliver(envelope_id(envelope), envelope)


def _lose_sessions(phone: Phone) -> None:
    with phone.store.transaction("lost"):
        for session in _sessions(phone, ALICE):
            phone.store.peers.drop_session(session)


def _sessions(phone: Phone, number: str) -> list[Session]:
    curve25519 = phone.store.peers.get(phone.line, number).curve25519
    assert curve25519 is not None
    return phone.store.peers.sessions(phone.line, curve25519)


def _enrolment_grant(town: Town, phone: Phone) -> bytes:
    device = phone.service.device
    assert device is not None
    assert town.server.enrolments[device.device].grant_hash == grant_hash(device.grant)
    return device.grant


def _parcel(phone: Phone, number: str, *, kind: int, body: bytes) -> Parcel:
    return Parcel(line=phone.line, number=number, kind=kind, message_id=bytes(16), body=body)
