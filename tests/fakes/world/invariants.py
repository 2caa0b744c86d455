"""What must hold at rest, in words that name the text."""

from collections import Counter
from typing import Final

from sayso.phone.core.fallback import Plan
from sayso.phone.core.lines import LineState
from sayso.phone.core.outgoing import Reason, State
from sayso.phone.core.sms.assembly import GAP
from sayso.phone.core.texts import Channel, Direction, Text, Word
from tests.fakes.world.air import mangled
from tests.fakes.world.log import Expected, Sent
from tests.fakes.world.phone import SimPhone
from tests.fakes.world.world import FOREIGN, World

_IT_CAME: Final = frozenset({State.DELIVERED, State.READ, State.SMS_DELIVERED})
_IT_DID_NOT: Final = frozenset({State.FAILED, State.CANCELLED})
_NOBODY_KNOWS: Final = frozenset({State.UNKNOWN, State.SMS_UNKNOWN, State.SMS_SENT})


def check(world: World) -> list[str]:
    """Return what is wrong."""
    wrongs = list(dict.fromkeys(world.log.wrongs))
    for sent in world.log.sent:
        wrongs += _one(world, sent)
    wrongs += _order(world)
    wrongs += _one_sms_each(world)
    for expected in world.log.strange:
        wrongs += _strange(world, expected)
    wrongs += _books(world)
    return wrongs


def _one(world: World, sent: Sent) -> list[str]:
    sender, recipient = world.phone(sent.by), world.phone(sent.to)
    mine = sender.store.texts.outgoing(sender.lines[sent.by], sent.to, sent.message_id)
    if mine is None:
        return [f"{sent.body}: its sender's phone has lost it"]
    least, most = _shown(recipient, sent)
    told = f"{sent.body[:40]}: {mine.state} ({mine.reason}), shown {least} to {most} times"
    wrongs = []
    if most > 1 and not _may_repeat(world, sent):
        wrongs.append(f"twice: {told}")
    if mine.state in _IT_CAME and not least:
        wrongs.append(f"lost: {told}")
    if mine.state in _IT_DID_NOT and most:
        wrongs.append(f"it came after all: {told}")
    if mine.state == State.ACCEPTED and mine.reason == Reason.RELAY_SAYS_DELIVERED and not least:
        wrongs.append(f"lost: {told}")
    if not (mine.state in _IT_CAME | _IT_DID_NOT | _NOBODY_KNOWS or _told_to_wait(world, sender, sent, mine)):
        wrongs.append(f"no outcome: {told}")
    return wrongs


def _shown(recipient: SimPhone, sent: Sent) -> tuple[int, int]:
    """How often each letter of a text is shown, at least and at most: parts that came alone are shown by themselves."""
    rows = _rows(recipient, sent.to, sent.by)
    forms = {sent.body, mangled(sent.body)}
    whole = sum(row.text in forms for row in rows)
    pieces = [piece for row in rows if row.reason == Word.INCOMPLETE_SMS for piece in row.text.split(GAP) if piece]
    body = next((form for form in forms if any(piece in form for piece in pieces)), None)
    if body is None:
        return whole, whole
    times = [0] * len(body)
    for piece in pieces:
        at = body.find(piece)
        for place in range(at, at + len(piece)) if at >= 0 else ():
            times[place] += 1
    return whole + min(times), whole + max(times)


def _told_to_wait(world: World, sender: SimPhone, sent: Sent, mine: Text) -> bool:
    """The relay has said that it came; or it waits for somebody, and its owner sees for whom and until when."""
    if mine.state == State.ACCEPTED:
        nobody_to_ask = not sender.services[sent.by].connected  # such as: its SIM is not the one that opted in
        return mine.reason == Reason.RELAY_SAYS_DELIVERED or nobody_to_ask or _waits_for_recipient(world, sent)
    plan = sender.services[sent.by].plan(mine)
    match mine.state, plan:
        case State.QUEUED, Plan(at=float() as at):
            return at > world.clock.wall()
        case ((State.DEPOSITED | State.RECALLING | State.IN_DOUBT), _):
            # The sender's own line has no way to the server, or the device that has to say is not there.
            own = sender.services[sent.by]
            return not own.connected or (mine.state == State.IN_DOUBT and _waits_for_recipient(world, sent))
        case State.SMS_SENDING, _:
            return sender.line_state(sent.by) is LineState.PAUSED
        case _:
            return False


def _waits_for_recipient(world: World, sent: Sent) -> bool:
    recipient = world.phone(sent.to)
    return not recipient.services[sent.to].connected


def _may_repeat(world: World, sent: Sent) -> bool:
    """The carrier repeated it; or its owner sent it in doubt, and nothing could join it to the message.

    The notice could not be said; or the SMS did not come whole; or it came from a SIM that was put in since the last
    look at a modem that does not speak by itself.
    """
    if {sent.body, mangled(sent.body)} & world.log.repeated:
        return True
    recipient = world.phone(sent.to)
    notice = recipient.store.notices.get(recipient.lines[sent.to], sent.by, sent.message_id)
    rows = [row for row in _rows(recipient, sent.to, sent.by) if row.channel is Channel.SMS]
    not_known_again = any(row.reason == Word.INCOMPLETE_SMS or row.number == FOREIGN for row in rows)
    return sent.message_id in world.log.doubted and (notice is None or not_known_again)


def _order(world: World) -> list[str]:
    """What one sender's texts say of their order, as they stand in the thread, by cloud."""
    wrongs = []
    place = {sent.body: index for index, sent in enumerate(world.log.sent)}
    for by in {sent.by for sent in world.log.sent}:
        for to in {sent.to for sent in world.log.sent if sent.by == by}:
            rows = _rows(world.phone(to), to, by)
            order = [place[row.text] for row in rows if row.channel is Channel.CLOUD and row.text in place]
            if order != sorted(order):
                wrongs.append(f"order: from {by[-1]} to {to[-1]}: {order}")
    return wrongs


def _one_sms_each(world: World) -> list[str]:
    """The phone hands one over once; an SMS that failed may be sent again by its owner's word."""
    again = {sent.body for sent in world.log.sent if sent.message_id in world.log.pushed}
    counted = Counter(sms.text for sms in world.network.accepted if sms.text.startswith("text "))
    return [f"{count} SMS of {text}" for text, count in counted.items() if count > 1 and text not in again]


def _strange(world: World, expected: Expected) -> list[str]:
    """A stranger's SMS is shown once, as what it is."""
    phone = world.phone(expected.to)
    rows = [
        row
        for row in phone.store.texts.newest(line=phone.lines[expected.to], number=expected.sender, limit=100)
        if row.direction is Direction.IN
    ]
    texts = [row.text for row in rows]
    wanted = [text for text in expected.texts if text is not None]
    fits = sorted(texts) == sorted(wanted) if len(wanted) == len(expected.texts) else len(texts) == len(expected.texts)
    if fits and {row.reason for row in rows} <= expected.words:
        return []
    return [f"from {expected.sender}: {texts} as {[row.reason for row in rows]}, not {expected}"]


def _books(world: World) -> list[str]:
    """An address book has whom its owner put in."""
    wrongs = []
    for phone in world.phones:
        names = {contact.number: contact.name for contact in phone.store.peers.contacts()}
        for number, name in world.log.books.get(phone.index, {}).items():
            if names.get(number) != name:
                wrongs.append(f"the address book of phone {phone.index} has {names.get(number)}, not {name}")
    return wrongs


def _rows(phone: SimPhone, own: str, other: str) -> list[Text]:
    """What came from a number, or from the SIM that is nobody's: a line that is off sends by whatever SIM it has."""
    rows = phone.store.texts.newest(line=phone.lines[own], number=None, limit=10_000)
    return [row for row in rows if row.direction is Direction.IN and row.number in {other, FOREIGN}]
