"""What somebody with an account and time sends to a phone; what is refused has changed nothing."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from sayso.phone.core.lines import Device
from sayso.phone.core.texts import Direction
from sayso.protocol.api import Claim, ClaimLine, DeviceBundle
from sayso.protocol.certificate import Certificate, issue
from sayso.protocol.content import VERSION, Content, Kind, Party, Receipt, Text, encode_body, encode_content
from sayso.protocol.envelope import Address, Inner, seal
from sayso.protocol.frames import Ack, Deliver, Unreadable
from sayso.protocol.ids import DeviceId, Token, envelope_id
from sayso.protocol.limits import HOUR, LIMITS
from sayso.protocol.xwing import SealPublicKey
from tests.aio import run
from tests.fakes.honest_server import ServerLink
from tests.fakes.phones import ALICE, BOB, CAROL, Phone, Town

MALLORY = CAROL


@dataclass
class Forger:
    """Mallory, enrolled as herself, with her own program in place of Sayso's."""

    town: Town
    phone: Phone
    victim: Phone

    @property
    def device(self) -> Device:
        return device_of(self.phone)

    def bundle(self) -> DeviceBundle:
        """Claim the victim's keys, as anybody may."""
        token = device_of(self.victim).token or b""
        claimed = self.town.server.claim(self.device.device, Claim(bytes(16), [ClaimLine(token)]))
        return claimed.lines[0].devices[0]

    def honest(self) -> Content:
        """What an honest phone would write."""
        return Content(
            version=VERSION,
            kind=Kind.TEXT,
            message_id=self.phone.random.token_bytes(16),
            sender=party(self.phone),
            recipient=party(self.victim),
            counter=1,
            sent_at_ms=int(self.town.clock.wall() * 1000),
            statement_digest=self.device.statements_shown[:32],
            salt=self.device.salt,
            grant=b"",
            body=encode_body(Text("believe me")),
        )

    def seal(self, content: Content, **inner: Any) -> Deliver:
        """Seal a content to the victim, in a session of its own; `inner` replaces fields of the seal's inside."""
        bundle = self.bundle()
        account = self.phone.ratchet.load_account(self.device.account)
        session = account.open_outbound(bundle.keys.curve25519, bundle.ratchet.key)
        olm_type, olm = session.encrypt(encode_content(content))
        return self.seal_olm(olm_type, olm, bundle, **inner)

    def seal_olm(self, olm_type: int, olm: bytes, bundle: DeviceBundle, **inner: Any) -> Deliver:
        token = self.device.token or b""
        inside = Inner(olm_type, olm, token, self.device.device, self.device.certificate or b"")
        to = Address(
            server=self.town.server.digest,
            token=Token(device_of(self.victim).token or b""),
            device=DeviceId(bundle.keys.device),
            key_id=bundle.envelope.id,
        )
        key = SealPublicKey(bundle.envelope.key)
        envelope = seal(msgspec.structs.replace(inside, **inner), to=to, key=key)
        return Deliver(envelope_id(envelope), envelope)

    def certificate(self, **fields: Any) -> bytes:
        """A certificate of the server's, with some fields otherwise."""
        honest = Certificate(
            epoch=1,
            token=self.device.token or b"",
            commitment=self.town.server.enrolments[self.device.device].commitment,
            device=self.device.device,
            ed25519=self.device.ed25519,
            curve25519=self.device.curve25519,
            expires=int(self.town.clock.wall()) + LIMITS.certificate_s,
        )
        key = fields.pop("key", self.town.server.certificate_key)
        server = fields.pop("server", self.town.server.digest)
        return issue(msgspec.structs.replace(honest, **fields), key, server=server)


def device_of(phone: Phone) -> Device:
    device = phone.service.device
    assert device is not None
    return device


def party(phone: Phone) -> Party:
    device = device_of(phone)
    return Party(phone.number, device.token or b"", device.device, device.ed25519, device.curve25519)


def acks(link: ServerLink) -> list[Ack]:
    return [frame for frame in link.seen if isinstance(frame, Ack)]


def snapshot(phone: Phone) -> tuple[object, ...]:
    """Everything that a refused envelope must leave as it was."""
    device = device_of(phone)
    peer = phone.store.peers.find(phone.line, MALLORY)
    sessions = phone.store.peers.sessions(phone.line, device_of_number(phone))
    return (
        device.account,
        peer,
        sessions,
        [row.id for row in phone.texts()],
        phone.store.outbox.receipts_due(phone.line),
    )


def device_of_number(phone: Phone) -> bytes:
    enrolment = phone.town.server.of_number(MALLORY)
    assert enrolment is not None
    return enrolment.keys.curve25519


Attack = Callable[[Forger, Phone], Deliver]


def own_keys_with_anothers_number(forger: Forger, alice: Phone) -> Deliver:
    """Content says that Alice wrote; keys and certificate are Mallory's."""
    sender = msgspec.structs.replace(party(forger.phone), number=ALICE)
    return forger.seal(msgspec.structs.replace(forger.honest(), sender=sender, salt=device_of(alice).salt))


def anothers_party_with_own_session(forger: Forger, alice: Phone) -> Deliver:
    """The content names Alice's number, token, device and keys; the session is Mallory's."""
    return forger.seal(msgspec.structs.replace(forger.honest(), sender=party(alice), salt=device_of(alice).salt))


def certificate_of_another(forger: Forger, alice: Phone) -> Deliver:
    """Alice's certificate, as anybody has it whom she wrote to, around Mallory's session."""
    theirs = device_of(alice)
    content = msgspec.structs.replace(forger.honest(), sender=party(alice), salt=theirs.salt)
    return forger.seal(content, certificate=theirs.certificate, token=theirs.token, device=theirs.device)


def certificate_of_another_under_own_name(forger: Forger, alice: Phone) -> Deliver:
    return forger.seal(forger.honest(), certificate=device_of(alice).certificate)


def certificate_with_own_olm_key(forger: Forger, alice: Phone) -> Deliver:
    """A certificate that Mallory signed herself, for Alice's commitment and her own keys."""
    commitment = forger.town.server.enrolments[device_of(alice).device].commitment
    wire = forger.certificate(key=forger.town.server.receipt_key, commitment=commitment)
    sender = msgspec.structs.replace(party(forger.phone), number=ALICE)
    content = msgspec.structs.replace(forger.honest(), sender=sender, salt=device_of(alice).salt)
    return forger.seal(content, certificate=wire)


def certificate_of_another_server(forger: Forger, _: Phone) -> Deliver:
    return forger.seal(forger.honest(), certificate=forger.certificate(server=b"x" * 32))


def expired_certificate(forger: Forger, _: Phone) -> Deliver:
    return forger.seal(forger.honest(), certificate=forger.certificate(expires=int(forger.town.clock.wall()) - 60))


def long_expired_certificate_with_an_old_date(forger: Forger, _: Phone) -> Deliver:
    past = int(forger.town.clock.wall()) - LIMITS.ttl_max_s - 60
    content = msgspec.structs.replace(forger.honest(), sent_at_ms=(past - 60) * 1000)
    return forger.seal(content, certificate=forger.certificate(expires=past))


def wrong_salt(forger: Forger, _: Phone) -> Deliver:
    return forger.seal(msgspec.structs.replace(forger.honest(), salt=bytes(32)))


def swapped_recipient_line(forger: Forger, alice: Phone) -> Deliver:
    """Written for Alice's line, sealed to Bob's."""
    return forger.seal(msgspec.structs.replace(forger.honest(), recipient=party(alice)))


def swapped_recipient_number(forger: Forger, _: Phone) -> Deliver:
    recipient = msgspec.structs.replace(party(forger.victim), number=ALICE)
    return forger.seal(msgspec.structs.replace(forger.honest(), recipient=recipient))


def body_that_does_not_fit(forger: Forger, _: Phone) -> Deliver:
    return forger.seal(msgspec.structs.replace(forger.honest(), body=b"\xc1"))


def no_content_at_all(forger: Forger, _: Phone) -> Deliver:
    bundle = forger.bundle()
    account = forger.phone.ratchet.load_account(forger.device.account)
    olm_type, olm = account.open_outbound(bundle.keys.curve25519, bundle.ratchet.key).encrypt(b"\x93\x01\x02")
    return forger.seal_olm(olm_type, olm, bundle)


def no_olm_message(forger: Forger, _: Phone) -> Deliver:
    return forger.seal_olm(0, b"no olm", forger.bundle())


def ordinary_message_without_a_session(forger: Forger, _: Phone) -> Deliver:
    return forger.seal_olm(1, b"no olm", forger.bundle())


def sealed_to_a_key_of_ones_own(forger: Forger, _: Phone) -> Deliver:
    bundle = forger.bundle()
    mine = forger.town.server.enrolments[forger.device.device].envelope_keys[0]
    return forger.seal_olm(0, b"", msgspec.structs.replace(bundle, envelope=mine))


def not_an_envelope(forger: Forger, _: Phone) -> Deliver:
    del forger
    return Deliver(envelope_id(b"short"), b"short")


def under_another_id(forger: Forger, _: Phone) -> Deliver:
    return Deliver(bytes(16), forger.seal(forger.honest()).envelope)


ATTACKS: list[tuple[Attack, Unreadable]] = [
    (own_keys_with_anothers_number, Unreadable.CERTIFICATE),
    (anothers_party_with_own_session, Unreadable.CERTIFICATE),
    (certificate_of_another, Unreadable.RATCHET),
    (certificate_of_another_under_own_name, Unreadable.CERTIFICATE),
    (certificate_with_own_olm_key, Unreadable.CERTIFICATE),
    (certificate_of_another_server, Unreadable.CERTIFICATE),
    (expired_certificate, Unreadable.CERTIFICATE),
    (long_expired_certificate_with_an_old_date, Unreadable.CERTIFICATE),
    (wrong_salt, Unreadable.CERTIFICATE),
    (swapped_recipient_line, Unreadable.MALFORMED),
    (swapped_recipient_number, Unreadable.MALFORMED),
    (body_that_does_not_fit, Unreadable.MALFORMED),
    (no_content_at_all, Unreadable.MALFORMED),
    (no_olm_message, Unreadable.RATCHET),
    (ordinary_message_without_a_session, Unreadable.RATCHET),
    (sealed_to_a_key_of_ones_own, Unreadable.ENVELOPE_KEY),
    (not_an_envelope, Unreadable.MALFORMED),
    (under_another_id, Unreadable.MALFORMED),
]


def _stage(play: Callable[[Forger, Phone, Phone], Awaitable[None]]) -> None:
    async def main() -> None:
        town = Town()
        alice, bob, mallory = town.phone(ALICE), town.phone(BOB), town.phone(MALLORY)
        async with alice.running(), bob.running(), mallory.running():
            for phone in (alice, bob, mallory):
                await phone.opt_in()
            await play(Forger(town, mallory, bob), alice, bob)

    run(main())


@pytest.mark.parametrize(("attack", "code"), ATTACKS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_forgery_is_refused_and_changes_nothing(attack: Attack, code: Unreadable) -> None:
    async def play(forger: Forger, alice: Phone, bob: Phone) -> None:
        before = snapshot(bob)
        link = forger.town.server.links[device_of(bob).device]
        frame = attack(forger, alice)
        link.say(frame)
        await forger.town.settle()
        assert acks(link) == [Ack(frame.envelope_id, code)]
        assert snapshot(bob) == before
        # The genuine one still arrives.
        genuine = forger.seal(forger.honest())
        link.say(genuine)
        await forger.town.settle()
        assert acks(link)[-1] == Ack(genuine.envelope_id, Unreadable.SHOWN)
        assert [row.text for row in bob.texts(MALLORY)] == ["believe me"]

    _stage(play)


def test_a_certificate_that_held_when_it_was_sent_is_good_for_what_waited() -> None:
    async def play(forger: Forger, _: Phone, bob: Phone) -> None:
        wire = forger.certificate(expires=int(forger.town.clock.wall()) + 60)
        frame = forger.seal(forger.honest(), certificate=wire)
        await forger.town.pass_time(24 * 3600)
        forger.town.server.links[device_of(bob).device].say(frame)
        await forger.town.settle()
        assert [row.text for row in bob.texts(MALLORY)] == ["believe me"]

    _stage(play)


def test_a_pre_key_message_replayed_to_a_fallback_key_opens_nothing() -> None:
    """The same Olm message in a new seal: the fallback key opens it again, the message id does not."""

    async def play(forger: Forger, _: Phone, bob: Phone) -> None:
        server = forger.town.server
        server.enrolments[device_of(bob).device].one_time.clear()
        link = server.links[device_of(bob).device]
        bundle = forger.bundle()
        assert bundle.fallback
        account = forger.phone.ratchet.load_account(forger.device.account)
        session = account.open_outbound(bundle.keys.curve25519, bundle.ratchet.key)
        olm_type, olm = session.encrypt(encode_content(forger.honest()))
        link.say(forger.seal_olm(olm_type, olm, bundle))
        await forger.town.settle()
        for row in bob.store.peers.sessions(bob.line, forger.device.curve25519):
            with bob.store.transaction("lost"):
                bob.store.peers.drop_session(row)
        before = device_of(bob).account
        replayed = forger.seal_olm(olm_type, olm, bundle)
        link.say(replayed)
        await forger.town.settle()
        assert acks(link)[-1] == Ack(replayed.envelope_id, Unreadable.SHOWN)
        assert [row.text for row in bob.texts(MALLORY)] == ["believe me"]
        assert device_of(bob).account == before
        assert bob.store.peers.sessions(bob.line, forger.device.curve25519) == []

    _stage(play)


def test_the_same_message_id_in_a_new_envelope_is_shown_once() -> None:
    async def play(forger: Forger, _: Phone, bob: Phone) -> None:
        link = forger.town.server.links[device_of(bob).device]
        content = forger.honest()
        for envelope in (forger.seal(content), forger.seal(content)):
            link.say(envelope)
            await forger.town.settle()
        assert [ack.code for ack in acks(link)] == [Unreadable.SHOWN] * 2
        assert [row.text for row in bob.texts(MALLORY)] == ["believe me"]

    _stage(play)


def test_the_same_message_id_of_two_people_is_two_messages() -> None:
    async def play(forger: Forger, alice: Phone, bob: Phone) -> None:
        sent = alice.send(BOB, "mine")
        await forger.town.settle()
        link = forger.town.server.links[device_of(bob).device]
        link.say(forger.seal(msgspec.structs.replace(forger.honest(), message_id=sent.message_id)))
        await forger.town.settle()
        assert sorted(row.text for row in bob.texts()) == ["believe me", "mine"]

    _stage(play)


@pytest.mark.parametrize("kind", [Kind.DELIVERED, Kind.READ])
def test_a_strangers_receipt_for_anothers_message_is_ignored(kind: Kind) -> None:
    async def play(forger: Forger, _: Phone, bob: Phone) -> None:
        forger.town.server.links[device_of(forger.phone).device].hang_up()
        sent = bob.send(ALICE, "to Alice")
        await forger.town.settle()
        state = bob.state_of(sent)
        link = forger.town.server.links[device_of(bob).device]
        body = encode_body(Receipt([sent.message_id]))
        link.say(forger.seal(msgspec.structs.replace(forger.honest(), kind=kind, body=body)))
        await forger.town.settle()
        assert acks(link)[-1].code == Unreadable.SHOWN
        assert bob.state_of(sent) == state == "accepted"

    _stage(play)


def test_another_statement_is_asked_about_by_the_clock_and_warned_about_once() -> None:
    async def play(forger: Forger, _: Phone, bob: Phone) -> None:
        await forger.town.pass_time(LIMITS.statement_grace_s)
        link = forger.town.server.links[device_of(bob).device]

        async def says(counter: int) -> None:
            odd = msgspec.structs.replace(forger.honest(), statement_digest=b"o" * 32, counter=counter)
            link.say(forger.seal(odd))
            await forger.town.settle()

        for counter in (1, 2):
            await says(counter)
        assert [row.direction for row in bob.texts(MALLORY)] == [Direction.IN] * 2
        await forger.town.pass_time(HOUR)
        await says(3)
        await forger.town.pass_time(HOUR)
        rows = [(row.direction, row.reason) for row in bob.texts(MALLORY)]
        assert rows.count((Direction.SYSTEM, "other-statement")) == 1
        assert rows.count((Direction.IN, None)) == len(rows) - 1 == 3

    _stage(play)


def test_a_late_text_stands_where_it_was_written() -> None:
    async def play(forger: Forger, _: Phone, bob: Phone) -> None:
        link = forger.town.server.links[device_of(bob).device]
        for counter in (1, 3, 4, 2):
            body = encode_body(Text(f"text {counter}"))
            link.say(forger.seal(msgspec.structs.replace(forger.honest(), counter=counter, body=body)))
            await forger.town.settle()
        assert [row.text for row in bob.texts(MALLORY)] == ["text 1", "text 2", "text 3", "text 4"]

    _stage(play)
