"""What every ratchet must do: vodozemac, and the fake that the phone's tests use."""

import pytest

from sayso.phone.errors import RatchetError
from sayso.phone.ports import Ratchet, RatchetAccount, RatchetSession

KEPT_SKIPPED = 40
"""Olm keeps the keys of so many messages that were skipped..."""
LARGEST_GAP = 2000
"""...and refuses to skip more than this."""


def outbound(sender: RatchetAccount, receiver: RatchetAccount) -> RatchetSession:
    ((_, key),) = receiver.new_one_time_keys(1)
    return sender.open_outbound(receiver.curve25519, key)


def pair(ratchet: Ratchet) -> tuple[RatchetSession, RatchetSession]:
    """Two ends of a session that has been answered."""
    alice, bob = ratchet.new_account(), ratchet.new_account()
    ours = outbound(alice, bob)
    _, first = ours.encrypt(b"first")
    theirs, _ = bob.open_inbound(alice.curve25519, first)
    assert ours.decrypt(*theirs.encrypt(b"answer")) == b"answer"
    return ours, theirs


class RatchetContract:
    """The suite; a test class per engine says how to make one."""

    def make(self) -> Ratchet:
        raise NotImplementedError

    # ---- keys ----

    def test_identities_are_32_bytes_and_differ(self) -> None:
        ratchet = self.make()
        one, other = ratchet.new_account().curve25519, ratchet.new_account().curve25519
        assert len(one) == len(other) == 32
        assert one != other

    def test_one_time_keys_come_once_each(self) -> None:
        account = self.make().new_account()
        keys = [*account.new_one_time_keys(3), *account.new_one_time_keys(300)]
        assert len({key_id for key_id, _ in keys}) == len({key for _, key in keys}) == 303
        assert all(key_id >= 0 and len(key) == 32 for key_id, key in keys)

    def test_ids_go_on_after_loading(self) -> None:
        ratchet = self.make()
        account = ratchet.new_account()
        before = account.new_one_time_keys(2)
        after = ratchet.load_account(account.dump()).new_one_time_keys(2)
        assert {key_id for key_id, _ in before}.isdisjoint({key_id for key_id, _ in after})

    def test_fallback_keys_do_not_show_up_as_one_time_keys(self) -> None:
        account = self.make().new_account()
        _, fallback = account.new_fallback_key()
        assert fallback not in {key for _, key in account.new_one_time_keys(2)}
        assert account.new_fallback_key()[1] != fallback

    # ---- sessions ----

    def test_a_conversation(self) -> None:
        ratchet = self.make()
        alice, bob = ratchet.new_account(), ratchet.new_account()
        ours = outbound(alice, bob)
        first_type, first = ours.encrypt(b"hello")
        second_type, second = ours.encrypt(b"are you there?")
        assert (first_type, second_type) == (0, 0), "pre-key messages until the first answer"
        theirs, plaintext = bob.open_inbound(alice.curve25519, first)
        assert plaintext == b"hello"
        assert theirs.session_id == ours.session_id
        assert theirs.decrypt(second_type, second) == b"are you there?"
        answer_type, answer = theirs.encrypt(b"yes")
        assert answer_type == 1
        assert ours.decrypt(answer_type, answer) == b"yes"
        assert ours.encrypt(b"good")[0] == 1

    @pytest.mark.parametrize("plaintext", [b"", bytes(64 * 1024)])
    def test_any_length(self, plaintext: bytes) -> None:
        ours, theirs = pair(self.make())
        assert theirs.decrypt(*ours.encrypt(plaintext)) == plaintext

    def test_account_and_sessions_live_through_a_restart(self) -> None:
        ratchet = self.make()
        alice, bob = ratchet.new_account(), ratchet.new_account()
        ours = outbound(alice, bob)
        bob = ratchet.load_account(bob.dump())
        theirs, _ = bob.open_inbound(alice.curve25519, ours.encrypt(b"1")[1])
        ours, theirs = ratchet.load_session(ours.dump()), ratchet.load_session(theirs.dump())
        assert ours.session_id == theirs.session_id
        assert ours.decrypt(*theirs.encrypt(b"2")) == b"2"
        ours, theirs = ratchet.load_session(ours.dump()), ratchet.load_session(theirs.dump())
        assert theirs.decrypt(*ours.encrypt(b"3")) == b"3"

    def test_messages_out_of_order(self) -> None:
        ours, theirs = pair(self.make())
        sent = [(str(n).encode(), ours.encrypt(str(n).encode())) for n in range(20)]
        for plaintext, message in reversed(sent):
            assert theirs.decrypt(*message) == plaintext

    def test_only_the_last_skipped_messages_can_still_be_read(self) -> None:
        ours, theirs = pair(self.make())
        sent = [ours.encrypt(str(n).encode()) for n in range(KEPT_SKIPPED + 11)]
        theirs.decrypt(*sent[-1])
        assert theirs.decrypt(*sent[-2]) == str(KEPT_SKIPPED + 9).encode()
        with pytest.raises(RatchetError):
            theirs.decrypt(*sent[0])

    def test_a_gap_that_is_too_large(self) -> None:
        ours, theirs = pair(self.make())
        sent = [ours.encrypt(b"") for _ in range(LARGEST_GAP + 2)]
        with pytest.raises(RatchetError):
            theirs.decrypt(*sent[-1])
        assert theirs.decrypt(*sent[0]) == b""

    def test_matches_tells_whose_pre_key_message_it_is(self) -> None:
        ratchet = self.make()
        alice, bob = ratchet.new_account(), ratchet.new_account()
        one, other = outbound(alice, bob), outbound(alice, bob)
        theirs, _ = bob.open_inbound(alice.curve25519, one.encrypt(b"1")[1])
        assert theirs.matches(one.encrypt(b"2")[1])
        assert not theirs.matches(other.encrypt(b"1")[1])
        assert not theirs.matches(theirs.encrypt(b"no pre-key message")[1])
        assert not theirs.matches(b"")
        assert not theirs.matches(b"\x03garbage")

    # ---- attacks ----

    def test_a_forged_message_changes_nothing(self) -> None:
        ours, theirs = pair(self.make())
        olm_type, message = ours.encrypt(b"genuine")
        before = theirs.dump()
        for position in (0, len(message) // 2, len(message) - 1):
            forged = bytearray(message)
            forged[position] ^= 1
            with pytest.raises(RatchetError):
                theirs.decrypt(olm_type, bytes(forged))
        for broken in (b"", message[:-1], message + b"\0", bytes(2048)):
            with pytest.raises(RatchetError):
                theirs.decrypt(olm_type, broken)
        assert theirs.dump() == before
        assert theirs.decrypt(olm_type, message) == b"genuine"

    def test_a_replayed_message_changes_nothing(self) -> None:
        ours, theirs = pair(self.make())
        message = ours.encrypt(b"once")
        theirs.decrypt(*message)
        before = theirs.dump()
        with pytest.raises(RatchetError):
            theirs.decrypt(*message)
        assert theirs.dump() == before

    def test_a_message_of_another_session(self) -> None:
        ratchet = self.make()
        ours, theirs = pair(ratchet)
        strangers, _ = pair(ratchet)
        before = theirs.dump()
        with pytest.raises(RatchetError):
            theirs.decrypt(*strangers.encrypt(b"x"))
        assert theirs.dump() == before
        assert theirs.decrypt(*ours.encrypt(b"y")) == b"y"

    @pytest.mark.parametrize("olm_type", [-1, 2, 256, 2**70])
    def test_a_type_that_does_not_exist(self, olm_type: int) -> None:
        ours, theirs = pair(self.make())
        _, message = ours.encrypt(b"x")
        with pytest.raises(RatchetError):
            theirs.decrypt(olm_type, message)

    def test_a_one_time_key_serves_once(self) -> None:
        ratchet = self.make()
        alice, bob = ratchet.new_account(), ratchet.new_account()
        _, first = outbound(alice, bob).encrypt(b"x")
        bob.open_inbound(alice.curve25519, first)
        before = bob.dump()
        with pytest.raises(RatchetError):
            bob.open_inbound(alice.curve25519, first)
        assert bob.dump() == before

    def test_a_pre_key_message_to_a_fallback_key_can_be_replayed(self) -> None:
        """The ratchet does not notice: whoever opens it has to remember what was opened."""
        ratchet = self.make()
        alice, bob = ratchet.new_account(), ratchet.new_account()
        _, key = bob.new_fallback_key()
        _, first = alice.open_outbound(bob.curve25519, key).encrypt(b"x")
        assert [bob.open_inbound(alice.curve25519, first)[1] for _ in range(2)] == [b"x", b"x"]

    def test_a_fallback_key_outlives_one_rotation_only(self) -> None:
        ratchet = self.make()
        alice, bob = ratchet.new_account(), ratchet.new_account()
        _, key = bob.new_fallback_key()
        bob.new_fallback_key()
        _, first = alice.open_outbound(bob.curve25519, key).encrypt(b"late")
        assert bob.open_inbound(alice.curve25519, first)[1] == b"late"
        bob.new_fallback_key()
        _, second = alice.open_outbound(bob.curve25519, key).encrypt(b"too late")
        with pytest.raises(RatchetError):
            bob.open_inbound(alice.curve25519, second)

    def test_a_pre_key_message_under_another_identity(self) -> None:
        """Mallory passes Alice's message off as her own: nothing opens, and Alice's still does."""
        ratchet = self.make()
        alice, bob, mallory = (ratchet.new_account() for _ in range(3))
        _, first = outbound(alice, bob).encrypt(b"x")
        with pytest.raises(RatchetError):
            bob.open_inbound(mallory.curve25519, first)
        assert bob.open_inbound(alice.curve25519, first)[1] == b"x"

    def test_a_forged_pre_key_message_costs_no_one_time_key(self) -> None:
        ratchet = self.make()
        alice, bob = ratchet.new_account(), ratchet.new_account()
        _, first = outbound(alice, bob).encrypt(b"x")
        before = bob.dump()
        for forged in (first[:-1] + bytes([first[-1] ^ 1]), first[:-1], b"", bytes(200)):
            with pytest.raises(RatchetError):
                bob.open_inbound(alice.curve25519, forged)
        assert bob.dump() == before
        assert bob.open_inbound(alice.curve25519, first)[1] == b"x"

    def test_a_message_for_somebody_else(self) -> None:
        ratchet = self.make()
        alice, bob, carol = (ratchet.new_account() for _ in range(3))
        _, first = outbound(alice, bob).encrypt(b"x")
        carol.new_one_time_keys(1)
        with pytest.raises(RatchetError):
            carol.open_inbound(alice.curve25519, first)

    @pytest.mark.parametrize("key", [b"", bytes(31), bytes(33), bytes(32)])
    def test_unusable_keys(self, key: bytes) -> None:
        """All zero is a point of low order: what is agreed on with it, everybody knows."""
        ratchet = self.make()
        alice, bob = ratchet.new_account(), ratchet.new_account()
        ((_, usable),) = bob.new_one_time_keys(1)
        with pytest.raises(RatchetError):
            alice.open_outbound(key, usable)
        with pytest.raises(RatchetError):
            alice.open_outbound(bob.curve25519, key)

    @pytest.mark.parametrize("state", [b"", b"garbage", b"\xff\xfe", b"A" * 400])
    def test_a_damaged_state(self, state: bytes) -> None:
        with pytest.raises(RatchetError):
            self.make().load_account(state)
        with pytest.raises(RatchetError):
            self.make().load_session(state)
