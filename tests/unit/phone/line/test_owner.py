"""The owner's commands, and what the owner is shown."""

from collections.abc import Awaitable, Callable

import pytest

from sayso.phone import command_types as ask
from sayso.phone.errors import CommandError
from sayso.protocol.errors import SaysoError
from tests.aio import run
from tests.fakes.honest_server import URL
from tests.fakes.phones import ALICE, BOB, CAROL, Phone, Town


def _with_phones(play: Callable[[Town, Phone, Phone], Awaitable[None]]) -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running(), bob.running():
            await play(town, alice, bob)

    run(main())


async def _status(phone: Phone) -> ask.Line:
    answer = await phone.owner.handle(ask.Status())
    assert isinstance(answer, ask.StatusReport)
    (line,) = answer.lines
    return line


def _opt_in(town: Town) -> ask.OptIn:
    return ask.OptIn(server=URL, server_key=town.server.digest.hex(), findable="everyone", method="command-line")


async def _messages(phone: Phone, number: str | None = None) -> list[ask.Message]:
    answer = await phone.owner.handle(ask.Messages(with_number=number))
    assert isinstance(answer, ask.MessageList)
    return answer.messages


def test_from_off_to_on_to_off_in_the_owners_words() -> None:
    async def play(town: Town, alice: Phone, _: Phone) -> None:
        line = await _status(alice)
        assert (line.name, line.state, line.sim, line.number) == ("sim1", "off", "present", ALICE)
        assert (line.server, line.consent, line.connected) == (None, None, False)
        town.network.loses = True
        answer = await alice.owner.handle(_opt_in(town))
        assert answer == ask.CodeOnItsWay(line="sim1", expires_s=600)
        assert (await _status(alice)).state == "code-wanted"
        (pending,) = town.server.pending.values()
        assert await alice.owner.handle(ask.Code(code=pending.code)) == ask.Done()
        await town.settle()
        line = await _status(alice)
        assert (line.state, line.connected, line.server, line.findable) == ("on", True, URL, "everyone")
        assert line.server_key == town.server.digest.hex()
        assert line.consent is not None
        left = await alice.owner.handle(ask.OptOut())
        assert isinstance(left, ask.OptedOut)
        assert left.erased
        assert (await _status(alice)).state == "off"

    _with_phones(play)


def test_send_and_read() -> None:
    async def play(town: Town, alice: Phone, bob: Phone) -> None:
        await alice.opt_in()
        await bob.opt_in()
        sending = await alice.owner.handle(ask.Send(to="+44 7700 900102", text="hello"))
        assert isinstance(sending, ask.Sending)
        assert (sending.message.number, sending.message.state, sending.message.channel) == (BOB, "queued", "cloud")
        await town.settle()
        (message,) = await _messages(bob, ALICE)
        assert (message.direction, message.state, message.text) == ("in", "new", "hello")
        opened = await bob.owner.handle(ask.OpenThread(number=ALICE))
        assert isinstance(opened, ask.MessageList)
        assert [one.state for one in opened.messages] == ["read"]

    _with_phones(play)


def test_an_sms_says_why() -> None:
    async def play(town: Town, alice: Phone, _: Phone) -> None:
        await alice.owner.handle(ask.Send(to=BOB, text="hello"))
        await town.settle()
        (message,) = await _messages(alice)
        assert (message.channel, message.state) == ("sms", "sms-delivered")
        assert message.notice == "sent by SMS: cloud messaging is off for this line"

    _with_phones(play)


def test_send_as_sms_after_the_peer_left() -> None:
    async def play(town: Town, alice: Phone, bob: Phone) -> None:
        await alice.opt_in()
        await bob.opt_in()
        await alice.owner.handle(ask.Send(to=BOB, text="one"))
        await town.settle()
        await bob.service.opt_out()
        sending = await alice.owner.handle(ask.Send(to=BOB, text="two"))
        assert isinstance(sending, ask.Sending)
        await town.settle()
        message = (await _messages(alice, BOB))[-1]
        assert message.state == "queued"
        assert message.notice is not None
        assert message.notice.startswith("waits")
        await alice.owner.handle(ask.SendAsSms(id=message.id))
        await town.settle()
        assert (await _messages(alice, BOB))[-1].state == "sms-delivered"
        with pytest.raises(CommandError):
            await alice.owner.handle(ask.SendAsSms(id=message.id))
        with pytest.raises(CommandError):
            await alice.owner.handle(ask.SendAsSms(id="00" * 16))

    _with_phones(play)


def test_contacts_and_looking_at_them_cause_no_traffic() -> None:
    async def play(town: Town, alice: Phone, _: Phone) -> None:
        await alice.opt_in()
        link = town.server.links[_device(alice)]
        frames, claims = len(link.seen), len(town.server.claims)
        await alice.owner.handle(ask.AddContact(name="Bob", number="+44 7700 900102"))
        await alice.owner.handle(ask.AddContact(name="Anna", number=CAROL))
        listed = await alice.owner.handle(ask.Contacts())
        assert isinstance(listed, ask.ContactList)
        assert [(one.name, one.cloud) for one in listed.contacts] == [("Anna", "not-asked"), ("Bob", "not-asked")]
        one = await alice.owner.handle(ask.OpenContact(number=BOB))
        assert one == ask.ContactList(contacts=[ask.Contact(name="Bob", number=BOB, cloud="not-asked")])
        await alice.owner.handle(ask.OpenThread(number=BOB))
        await alice.owner.handle(ask.Status())
        await town.settle()
        assert (len(link.seen), len(town.server.claims)) == (frames, claims)
        with pytest.raises(CommandError):
            await alice.owner.handle(ask.OpenContact(number="+447700900199"))

    _with_phones(play)


def test_a_contact_shows_what_is_remembered() -> None:
    async def play(town: Town, alice: Phone, bob: Phone) -> None:
        await alice.opt_in()
        await bob.opt_in()
        for name, number in (("Bob", BOB), ("Carol", CAROL)):
            await alice.owner.handle(ask.AddContact(name=name, number=number))
            await alice.owner.handle(ask.Send(to=number, text="hello"))
        await town.settle()
        listed = await alice.owner.handle(ask.Contacts())
        assert isinstance(listed, ask.ContactList)
        assert [(one.name, one.cloud) for one in listed.contacts] == [("Bob", "yes"), ("Carol", "no")]

    _with_phones(play)


def test_without_a_country_code_the_lines_own_country_is_meant() -> None:
    async def play(_: Town, alice: Phone, __: Phone) -> None:
        sent = await alice.owner.handle(ask.Send(to="07700 900102", text="hello"))
        assert isinstance(sent, ask.Sending)
        assert sent.message.number == BOB
        await alice.owner.handle(ask.AddContact(name="Bob", number="07700 900102"))
        assert [message.number for message in await _messages(alice, "07700 900102")] == [BOB]
        assert alice.owner.read_number("+45 20 12 34 56") == "+4520123456"

    _with_phones(play)


def test_a_sender_in_national_digits_is_answered_as_it_wrote() -> None:
    """A thread that there is goes by its own name: nobody else is written to by reading that as a number."""

    async def play(_: Town, alice: Phone, __: Phone) -> None:
        digits = "8001111"  # given out in Britain, where Alice's line is
        assert alice.owner.read_number("20123456") == "20123456"
        with alice.store.transaction("test"):
            alice.store.conversations.begin(alice.line, digits)
        assert alice.owner.read_number(digits) == digits

    _with_phones(play)


@pytest.mark.parametrize("number", ["", "hello", "+1", "123456789", "+44 7700 900 102 3 4 5 6"])
def test_numbers_that_are_none(number: str) -> None:
    async def play(_: Town, alice: Phone, __: Phone) -> None:
        with pytest.raises(SaysoError) as refused:
            await alice.owner.handle(ask.Send(to=number, text="hello"))
        if len(number) > 2:
            assert number not in str(refused.value)
        assert await _messages(alice) == []

    _with_phones(play)


@pytest.mark.parametrize("text", ["\ud800", "x" * (48 * 1024 + 1)])
def test_texts_that_are_none(text: str) -> None:
    async def play(_: Town, alice: Phone, __: Phone) -> None:
        with pytest.raises(SaysoError):
            await alice.owner.handle(ask.Send(to=BOB, text=text))
        assert await _messages(alice) == []

    _with_phones(play)


def test_lines_that_are_none() -> None:
    async def play(_: Town, alice: Phone, __: Phone) -> None:
        with pytest.raises(CommandError):
            await alice.owner.handle(ask.Send(line="sim9", to=BOB, text="hello"))
        with pytest.raises(CommandError):
            await alice.owner.handle(ask.OptOut())
        with pytest.raises(CommandError):
            await alice.owner.handle(ask.Code(code="123456"))

    _with_phones(play)


def test_who_watches_hears_it() -> None:
    async def play(town: Town, alice: Phone, bob: Phone) -> None:
        async with alice.owner.watch() as events:
            await alice.opt_in()
            await bob.opt_in()
            await alice.owner.handle(ask.Send(to=BOB, text="hello"))
            await town.settle()
            states: list[str] = []
            heard: list[str] = []
            async for event in events:
                if isinstance(event, ask.LineChanged):
                    states.append(event.line.state)
                else:
                    heard.append(event.message.state)
                    if event.message.state == "accepted":
                        break
        assert [one for one, before in zip(states, [None, *states], strict=False) if one != before] == [
            "asking",
            "code-wanted",
            "asking",
            "on",
        ]
        assert heard == ["queued", "deposited", "accepted"]

    _with_phones(play)


def test_read_receipts_are_a_setting_off_at_first() -> None:
    async def play(_: Town, alice: Phone, __: Phone) -> None:
        assert not (await _status(alice)).read_receipts
        await alice.owner.handle(ask.SetReadReceipts(on=True))
        assert (await _status(alice)).read_receipts

    _with_phones(play)


def _device(phone: Phone) -> bytes:
    device = phone.service.device
    assert device is not None
    return device.device
