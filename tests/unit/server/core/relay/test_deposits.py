"""What is wrong with a deposit, or that it is taken; retries."""

from collections.abc import Callable

import pytest

from sayso.protocol.frames import Deposit, DepositState, OutcomeState, Part, Refusal, WrongDevices
from sayso.protocol.ids import handle_hash
from sayso.protocol.limits import LIMITS
from sayso.server.core.lines import Line
from sayso.server.core.relay.deposits import OPEN_DEPOSITS
from tests.fakes.relay_world import KEY_ID, Client, RelayWorld, grant_of, handle_of, make_line


@pytest.fixture
def world() -> RelayWorld:
    return RelayWorld()


@pytest.fixture
def line(world: RelayWorld) -> Line:
    return world.line("bob")


@pytest.fixture
def client(world: RelayWorld) -> Client:
    return world.client()


def part(device: bytes, envelope: bytes = b"one", key: int = KEY_ID) -> Part:
    return Part(device, key, handle_hash(handle_of(envelope)), envelope)


# What is wrong


@pytest.mark.parametrize("ttl_s", [LIMITS.ttl_min_s - 1, LIMITS.ttl_max_s + 1, 0, -5])
def test_a_ttl_out_of_range_is_refused(line: Line, client: Client, ttl_s: int) -> None:
    assert client.answer(client.deposit(line, b"one", ttl_s=ttl_s)) is Refusal.TTL


@pytest.mark.parametrize("ttl_s", [LIMITS.ttl_min_s, LIMITS.ttl_max_s])
def test_a_ttl_in_range_is_taken(world: RelayWorld, line: Line, client: Client, ttl_s: int) -> None:
    ref = client.deposit(line, b"one", ttl_s=ttl_s)
    world.settle()
    assert client.answer(ref) is DepositState.ACCEPTED


def test_the_ttl_never_reaches_beyond_the_lease(world: RelayWorld, line: Line, client: Client) -> None:
    client.deposit(line, b"one", ttl_s=LIMITS.ttl_max_s)
    client.deposit(line, b"two", ttl_s=60)
    world.settle()
    ends = {envelope: waiting.expires for waiting, envelope in world.disk.mail.values()}
    assert ends == {b"one": line.lease_ends, b"two": world.now + 60}


def test_a_wrong_device_is_answered_with_what_is_missing_and_extra(
    world: RelayWorld, line: Line, client: Client
) -> None:
    ref = client.deposit(line, b"one", parts=[part(b"x" * 16)])
    assert client.answer(ref) == WrongDevices(ref, [line.device], [b"x" * 16], [])
    world.settle()
    assert world.stored == []


def test_a_device_too_many_is_answered_with_what_is_extra_and_nothing_is_stored(
    world: RelayWorld, line: Line, client: Client
) -> None:
    ref = client.deposit(line, b"one", parts=[part(line.device), part(b"x" * 16, b"two")])
    assert client.answer(ref) == WrongDevices(ref, [], [b"x" * 16], [])
    world.settle()
    assert world.stored == []


def test_a_key_that_is_served_no_more_is_stale(world: RelayWorld, line: Line, client: Client) -> None:
    ref = client.deposit(line, b"one", parts=[part(line.device, key=KEY_ID + 1)])
    assert client.answer(ref) == WrongDevices(ref, [], [], [line.device])
    world.settle()
    assert world.stored == []


def test_a_device_named_twice_is_wrong(world: RelayWorld, line: Line, client: Client) -> None:
    ref = client.deposit(line, b"one", parts=[part(line.device), part(line.device, b"two")])
    assert client.answer(ref) == WrongDevices(ref, [], [], [])
    world.settle()
    assert world.stored == []


def test_the_longest_answer_about_devices_fits_what_is_said_of_its_size(line: Line, client: Client) -> None:
    """`RecordingLink` checks the size: a message of many such answers must not grow above 256 KiB."""
    many = [part(bytes([number]) * 16, bytes([number])) for number in range(LIMITS.devices_per_line)]
    ref = client.deposit(line, b"one", parts=many)
    answer = client.answer(ref)
    assert isinstance(answer, WrongDevices)
    assert len(answer.extra) == LIMITS.devices_per_line


def unknown(world: RelayWorld) -> Line:
    del world
    return make_line("nobody")


def lapsed(world: RelayWorld) -> Line:
    line = world.line("lapsed")
    line.lease_ends = world.now
    return line


def hidden(world: RelayWorld) -> Line:
    return world.line("hidden", hidden=True)


def hidden_and_connected(world: RelayWorld) -> Line:
    line = world.line("hidden", hidden=True)
    world.online(line)
    return line


def withdrawn(world: RelayWorld) -> Line:
    line = world.line("withdrawn")
    world.lines.remove(line.device)
    return line


@pytest.mark.parametrize("look", [unknown, lapsed, hidden, hidden_and_connected, withdrawn])
@pytest.mark.parametrize("wrong", [False, True])
def test_unknown_lapsed_and_hidden_lines_look_the_same(
    world: RelayWorld, client: Client, look: Callable[[RelayWorld], Line], *, wrong: bool
) -> None:
    """Also with a wrong list of devices: what is missing would tell that somebody is there."""
    line = look(world)
    ref = client.deposit(line, b"one", granted=False, parts=[part(b"x" * 16)] if wrong else None)
    assert client.answer(ref) is Refusal.NOT_ENROLLED
    assert client.answer(client.deposit(line, b"one", grant=b"w" * 32)) is Refusal.NOT_ENROLLED
    world.settle()
    assert world.stored == []


def test_a_hidden_line_is_there_for_who_holds_its_grant(world: RelayWorld, client: Client) -> None:
    line = hidden(world)
    ref = client.deposit(line, b"one")
    world.settle()
    assert client.answer(ref) is DepositState.ACCEPTED


def test_a_wrong_grant_is_no_grant(world: RelayWorld, line: Line, client: Client) -> None:
    phone = world.online(line)
    ref = client.deposit(line, b"one", grant=b"w" * 32)
    phone.ack(b"one")
    world.advance(1)
    assert client.answer(ref) is DepositState.ACCEPTED


def test_a_grant_is_looked_at_with_each_deposit_of_a_message_and_kept_for_none_after_it(
    world: RelayWorld, client: Client
) -> None:
    one, other = world.line("one", hidden=True), world.line("other", hidden=True)
    right, wrong = grant_of(one), b"w" * 32
    tries = [(one, right), (one, right), (one, wrong), (one, b""), (other, right), (one, wrong), (one, right)]
    frames = []
    for place, (line, grant) in enumerate(tries):
        envelope = b"%d" % place
        part = Part(line.device, KEY_ID, handle_hash(handle_of(envelope)), envelope)
        frames.append(Deposit(place + 1, line.token, 3600, grant, [part], again=False))
    mailbox = world.relay._books.mailbox(one.device)
    assert world.relay.take(mailbox, client.sender, frames, 0, now=world.now) == len(tries)
    world.settle()
    refused = [ref for ref in range(1, len(tries) + 1) if client.answer(ref) is Refusal.NOT_ENROLLED]
    assert refused == [3, 4, 5, 6]
    assert world.relay._deposits._shown[0] == b""


def test_a_grant_is_forgotten_also_when_a_deposit_fails(world: RelayWorld, line: Line, client: Client) -> None:
    part = Part(line.device, KEY_ID, handle_hash(handle_of(b"1")), b"1")
    frames = [
        Deposit(1, line.token, 3600, grant_of(line), [part], again=False),
        Deposit(2, line.token, 3600, b"", [], again=False),
    ]
    with pytest.raises(IndexError):  # a deposit without parts is refused by the decoder: it cannot come here
        world.relay.take(world.relay._books.mailbox(line.device), client.sender, frames, 0, now=world.now)
    assert world.relay._deposits._shown[0] == b""


def test_a_connection_has_a_bounded_number_of_open_deposits(world: RelayWorld, line: Line, client: Client) -> None:
    lines = [line, world.line("second"), world.line("third")]  # one mailbox would be full before
    assert len(lines) * LIMITS.mailbox_envelopes > OPEN_DEPOSITS
    refs = [client.deposit(lines[number % 3], b"%d" % number) for number in range(OPEN_DEPOSITS + 1)]
    assert client.answer(refs[-1]) is Refusal.TOO_MANY
    world.settle()
    assert {client.answer(ref) for ref in refs[:-1]} == {DepositState.ACCEPTED}
    assert client.sender.open_tickets == 0
    client.deposit(line, b"again")
    world.settle()
    assert b"again" in world.stored


def test_a_store_that_is_too_far_behind_takes_no_more(world: RelayWorld, line: Line, client: Client) -> None:
    client.deposit(line, b"0")
    world.relay._ledger.is_full = True  # of what: see test_ledger
    assert client.answer(client.deposit(line, b"1")) is Refusal.TOO_MANY
    world.settle()  # a batch is taken: it is full no more
    client.deposit(line, b"2")
    world.settle()
    assert world.stored == [b"0", b"2"]


def test_a_full_mailbox_refuses_and_later_takes_again(world: RelayWorld, line: Line, client: Client) -> None:
    for number in range(LIMITS.mailbox_envelopes):
        client.deposit(line, b"%d" % number)
    world.settle()
    assert client.answer(client.deposit(line, b"more")) is Refusal.MAILBOX_FULL
    assert client.answer(client.deposit(line, b"0")) is DepositState.ACCEPTED  # a retry needs no room
    phone = world.connect(line)
    world.settle()
    phone.ack(b"0")
    ref = client.deposit(line, b"more")
    world.settle()
    assert client.answer(ref) is DepositState.ACCEPTED


# Retries


def test_a_retry_of_a_live_envelope_is_answered_with_the_first(world: RelayWorld, line: Line, client: Client) -> None:
    phone = world.online(line)
    refs = [client.deposit(line, b"one") for _ in range(3)]
    phone.ack(b"one")
    assert [client.answer(ref) for ref in refs] == [DepositState.DELIVERED] * 3
    assert phone.got == [b"one"]
    world.assert_empty()


def test_retries_are_answered_wherever_the_envelope_is(world: RelayWorld, line: Line, client: Client) -> None:
    refs = [client.deposit(line, b"one")]
    refs.append(client.deposit(line, b"one"))  # queued
    world.take()
    refs.append(client.deposit(line, b"one"))  # being written
    assert [client.answer(ref) for ref in refs] == [None] * 3
    world.land()
    refs.append(client.deposit(line, b"one"))  # stored
    assert [client.answer(ref) for ref in refs] == [DepositState.ACCEPTED] * 4
    assert world.stored == [b"one"]
    assert client.sender.open_tickets == 0


def test_a_retry_on_another_connection_gets_the_answer_and_the_news(world: RelayWorld, line: Line) -> None:
    first, second = world.client(), world.client()
    phone = world.online(line)
    first.deposit(line, b"one")
    first.leave()
    ref = second.deposit(line, b"one")
    world.advance(0.3)
    assert second.answer(ref) is DepositState.ACCEPTED
    phone.ack(b"one")
    assert second.news(b"one") == [OutcomeState.DELIVERED]
    assert first.link.frames == []
    assert first.sender.open_tickets == 0


def test_a_retry_after_a_crash_is_taken_as_if_it_were_the_first(world: RelayWorld, line: Line, client: Client) -> None:
    client.deposit(line, b"one")
    world.crash()
    again = world.client()
    ref = again.deposit(line, b"one")
    world.settle()
    assert again.answer(ref) is DepositState.ACCEPTED
    assert world.stored == [b"one"]


def test_a_handle_names_one_envelope(world: RelayWorld, line: Line, client: Client) -> None:
    other = world.line("carol")
    client.deposit(line, b"one")
    handle = handle_of(b"one")
    assert client.answer(client.deposit(line, b"two", handle=handle)) is Refusal.HANDLE_USED
    assert client.answer(client.deposit(other, b"one", handle=handle)) is Refusal.HANDLE_USED
    world.settle()
    assert world.stored == [b"one"]


def test_a_handle_of_an_envelope_in_doubt_is_used(world: RelayWorld, line: Line, client: Client) -> None:
    phone = world.online(line)
    client.deposit(line, b"one")
    world.advance(0.3)
    client.recall(b"one")
    world.settle()
    assert world.doubted(b"one")
    assert client.answer(client.deposit(line, b"two", handle=handle_of(b"one"))) is Refusal.HANDLE_USED
    # The envelope itself neither: the device is being asked to refuse it, and would be given it again.
    assert client.answer(client.deposit(line, b"one", handle=b"n" * 32)) is Refusal.HANDLE_USED
    assert phone.got == [b"one"]


def test_the_same_envelope_under_another_handle_is_refused(world: RelayWorld, line: Line, client: Client) -> None:
    """Its sender could neither recall it nor ask for it: the relay would not know the second handle."""
    client.deposit(line, b"one")
    assert client.answer(client.deposit(line, b"one", handle=b"n" * 32)) is Refusal.HANDLE_USED
    world.settle()
    assert client.answer(client.deposit(line, b"one", handle=b"n" * 32)) is Refusal.HANDLE_USED


def test_a_connection_that_is_gone_deposits_nothing(world: RelayWorld, line: Line, client: Client) -> None:
    client.leave()
    client.deposit(line, b"one")
    world.settle()
    assert world.stored == []


def test_a_contact_whose_grant_came_between_two_deposits_keeps_their_order(
    world: RelayWorld, line: Line, client: Client
) -> None:
    """A stranger's envelope is held for 250 ms; what he deposits with the grant meanwhile must not overtake it."""
    other = world.client()
    other.deposit(line, b"other stranger", granted=False)
    client.deposit(line, b"as a stranger", granted=False)
    client.deposit(line, b"as a contact")
    world.settle()
    assert world.stored == [b"as a stranger", b"as a contact"]
    phone = world.connect(line)
    world.advance(0.3)
    assert phone.got == [b"other stranger", b"as a stranger", b"as a contact"]
