"""What the owner of a phone can ask its daemon, and what it answers: one JSON object per line on DIR/phone.sock.

    {"command": "send", "line": null, "to": "+447700900123", "text": "hello"}
    {"answer": "sending", "message": {...}}
    {"answer": "error", "error": "line 2 has no SIM; put one in, or choose another line with --line"}

A line is named by its modem (`Line.name`), or left out where the phone has only one. `Watch` alone has more than one
answer: `Watching`, then an event per line of JSON until the asking side hangs up. No command but `OptIn`, `Code`,
`Agree`, `Me`, `SetPin`, `EnterPin`, `RefuseNewcomer`, `OptOut`, `Send`, `SendAsSms`, `Cancel` and, with read receipts
on, `OpenThread` may cause traffic; the gate sees to it.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Literal, Protocol

from msgspec import Meta, Struct

from sayso.consent.proofs import Proof
from sayso.protocol.api import Holdings
from sayso.protocol.limits import LIMITS

LineName = Annotated[str, Meta(min_length=1, max_length=64)]
NumberText = Annotated[str, Meta(min_length=1, max_length=64)]
"""A number as people write it; short codes and alphanumeric senders only where SMS are meant."""
PinText = Annotated[str, Meta(pattern=r"^[0-9]{4,20}\Z")]
TextBody = Annotated[str, Meta(min_length=1, max_length=LIMITS.body_bytes)]
Findable = Literal["everyone", "nobody"]
"""Who may find the line: everyone who has the number, or nobody until it writes first."""

MessageId = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
"""As `Message.id` has it."""
WhenToSms = Literal["never", "ask", "after"]
"""When a text that does not arrive by cloud goes by SMS, unencrypted: never; when its owner says so; after a while."""
Minutes = Annotated[int, Meta(ge=1, le=LIMITS.ttl_max_s // 60)]

MESSAGES_AT_ONCE = 1000
CONNECTIONS_AT_ONCE = 100_000


class _Quiet(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all: shows nothing of itself, since numbers, codes and texts would end up in tracebacks."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class _Command(_Quiet, frozen=True, kw_only=True, tag_field="command"):
    pass


# ---- commands ----


class Status(_Command, frozen=True, kw_only=True, tag="status"):
    """How the phone and its lines stand. Answer: `StatusReport`."""


class OptIn(_Command, frozen=True, kw_only=True, tag="opt-in"):
    """The owner's yes for one line. Answer: `CodeOnItsWay`; a code that comes by SMS is then used without asking."""

    line: LineName | None = None
    server: Annotated[str, Meta(max_length=255)]
    """As the person saw it: https://chat.example, or http://127.0.0.1:8080."""
    server_key: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    """SHA-256 of the server's long-term key, hex."""
    number: NumberText | None = None
    """The line's own number, where the SIM does not tell it."""
    findable: Findable
    method: Annotated[str, Meta(min_length=1, max_length=64)]
    """How the yes was given, for the consent record: `command-line`, `settings-switch`, ..."""


class Code(_Command, frozen=True, kw_only=True, tag="code"):
    """A code that the owner typed. Answer: `Done`."""

    line: LineName | None = None
    code: Annotated[str, Meta(pattern=r"^[0-9]{4,10}\Z")]


class Agree(_Command, frozen=True, kw_only=True, tag="agree"):
    """The owner's yes to a policy that has changed. Answer: `Done`, when the line is on again."""

    line: LineName | None = None
    policy_sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    """Of the text that the owner was shown, hex."""
    method: Annotated[str, Meta(min_length=1, max_length=64)]


class Me(_Command, frozen=True, kw_only=True, tag="me"):
    """Ask the server for all that it holds of a line. Answer: `Held`."""

    line: LineName | None = None


class Receipts(_Command, frozen=True, kw_only=True, tag="receipts"):
    """The owner's consents, with the server's receipts. Causes no traffic. Answer: `ReceiptList`."""

    line: LineName | None = None
    """None for all lines."""


class Connections(_Command, frozen=True, kw_only=True, tag="connections"):
    """The connections that the gate has opened, newest first. Causes no traffic. Answer: `ConnectionList`."""

    line: LineName | None = None
    """None for all lines."""
    limit: Annotated[int, Meta(ge=1, le=CONNECTIONS_AT_ONCE)] = 1000


class SetPin(_Command, frozen=True, kw_only=True, tag="set-pin"):
    """Set or change the PIN of a line's registration lock; null removes it. Answer: `Done`."""

    line: LineName | None = None
    pin: PinText | None


class EnterPin(_Command, frozen=True, kw_only=True, tag="enter-pin"):
    """The PIN of the number that a line waits for. Answer: `Done`: it was right, or is tried with the next code."""

    line: LineName | None = None
    pin: PinText


class RefuseNewcomer(_Command, frozen=True, kw_only=True, tag="refuse-newcomer"):
    """Send away another device that waits for a line's number. Answer: `Done`, or `CodeOnItsWay`.

    With neither code nor PIN: asks for a code, which is then used without asking. With the PIN: lets it wait longer.
    """

    line: LineName | None = None
    code: Annotated[str, Meta(pattern=r"^[0-9]{4,10}\Z")] | None = None
    pin: PinText | None = None


class StillWaiting(_Command, frozen=True, kw_only=True, tag="still-waiting"):
    """Which texts of a line wait in others' mailboxes? Causes no traffic. Answer: `MessageList`."""

    line: LineName | None = None


class OptOut(_Command, frozen=True, kw_only=True, tag="opt-out"):
    """The owner's no for one line. Answer: `OptedOut`, when the line is silent."""

    line: LineName | None = None
    recall_waiting: bool = False
    """Recall what `StillWaiting` lists first, where the server can be reached: ten seconds at most."""


class Fallback(_Quiet, frozen=True, kw_only=True):
    """What becomes of texts that do not arrive by cloud (design.md §5.4). It is asked, at first, in both cases."""

    undelivered: WhenToSms = "ask"
    """The recipient's phone does not get it: it is off, or its number has left the cloud."""
    undelivered_after_min: Minutes = 10
    """Minutes from writing: with `after` until the SMS, with `ask` until the question."""
    unreachable: WhenToSms = "ask"
    """The server cannot be reached."""
    unreachable_after_min: Minutes = 10


class GetFallback(_Command, frozen=True, kw_only=True, tag="get-fallback"):
    """Look up a fallback policy. Causes no traffic. Answer: `FallbackSet`."""

    line: LineName | None = None
    number: NumberText | None = None
    """Of the conversation; None: the line's own, which holds where a conversation has none."""


class SetFallback(_Command, frozen=True, kw_only=True, tag="set-fallback"):
    """Set a fallback policy; it holds for what waits already, too. Answer: `FallbackSet`."""

    line: LineName | None = None
    number: NumberText | None = None
    """As for `GetFallback`."""
    fallback: Fallback | None
    """None: back to the line's own, or, of the line's own, to the one at first."""


class NextText(_Command, frozen=True, kw_only=True, tag="next-text"):
    """By which line and channel would the next text of a conversation go? Causes no traffic. Answer: `NextRoute`."""

    line: LineName | None = None
    """None: the line that the conversation is on."""
    number: NumberText


class ConfirmSim(_Command, frozen=True, kw_only=True, tag="confirm-sim"):
    """The owner's word on a SIM that is not the one the line is bound to. Answer: `Done`."""

    line: LineName | None = None
    ours: bool
    """True: it is the line's (a replacement with the same number). False: it is another; the enrolment is released."""


class Send(_Command, frozen=True, kw_only=True, tag="send"):
    """Send a text. Answer: `Sending`, as soon as the text is durable in the phone's outbox."""

    line: LineName | None = None
    """None: the line that the conversation is on, or the phone's only one."""
    to: NumberText
    text: TextBody


class SendAsSms(_Command, frozen=True, kw_only=True, tag="send-as-sms"):
    """Send a waiting or failed text by SMS, unencrypted, because the owner says so. Answer: `Sending`.

    One that the server has is recalled first, and goes by SMS when that is sure (state `recalling`).
    """

    line: LineName | None = None
    id: MessageId
    in_doubt: bool = False
    """Send it at once even if it may have arrived already; the recipient's Sayso is told, and joins the two."""


class Cancel(_Command, frozen=True, kw_only=True, tag="cancel"):
    """Take a text back. Answer: `Sending`; state `cancelled`, or `recalling` until the server has answered.

    It may turn out delivered all the same, or stay `in-doubt` until the recipient's phone has answered.
    """

    line: LineName | None = None
    id: MessageId


class Messages(_Command, frozen=True, kw_only=True, tag="messages"):
    """The newest messages, oldest of them first. Causes no traffic. Answer: `MessageList`."""

    line: LineName | None = None
    """None for all lines."""
    with_number: NumberText | None = None
    limit: Annotated[int, Meta(ge=1, le=MESSAGES_AT_ONCE)] = 100


class Contacts(_Command, frozen=True, kw_only=True, tag="contacts"):
    """The phone's contacts. Causes no traffic. Answer: `ContactList`."""


class AddContact(_Command, frozen=True, kw_only=True, tag="add-contact"):
    """Write down a contact. Causes no traffic. Answer: `Done`."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    number: NumberText
    line: LineName | None = None
    """Only this line ever asks the server for the number; left out: it stands in the address book of all lines."""


class OpenThread(_Command, frozen=True, kw_only=True, tag="open-thread"):
    """The owner looks at a thread: marks it read on the phone. Answer: `MessageList`.

    Causes no traffic unless the line's read receipts are on.
    """

    line: LineName | None = None
    number: NumberText


class OpenContact(_Command, frozen=True, kw_only=True, tag="open-contact"):
    """The owner looks at a contact. Never causes traffic (the leak of 2014 was here). Answer: `ContactList` of one."""

    number: NumberText


class SetReadReceipts(_Command, frozen=True, kw_only=True, tag="set-read-receipts"):
    """Switch a line's read receipts; off at first. Answer: `Done`."""

    line: LineName | None = None
    on: bool


class OpenApp(_Command, frozen=True, kw_only=True, tag="open-app"):
    """Make a one-time link to the web app. Causes no traffic. Answer: `AppLink`."""


class LockApp(_Command, frozen=True, kw_only=True, tag="lock-app"):
    """End every session of the web app. Answer: `Done`."""


class Watch(_Command, frozen=True, kw_only=True, tag="watch"):
    """Subscribe to events. Answers: `Watching`, then events."""


Command = (
    Status
    | OptIn
    | Code
    | SetPin
    | EnterPin
    | RefuseNewcomer
    | Agree
    | Me
    | Receipts
    | Connections
    | StillWaiting
    | OptOut
    | GetFallback
    | SetFallback
    | NextText
    | ConfirmSim
    | Send
    | SendAsSms
    | Cancel
    | Messages
    | Contacts
    | AddContact
    | OpenThread
    | OpenContact
    | SetReadReceipts
    | OpenApp
    | LockApp
)
"""What a handler is given; `Watch` goes to its `watch`."""


# ---- parts of answers ----

LineState = Literal["off", "asking", "code-wanted", "locked", "on", "leaving", "paused", "policy-changed"]
"""`off`: no consent, no traffic. `asking`: consented, on the way to a code. `code-wanted`: a code is on its way by SMS.
`locked`: another device is enrolled under the number; `Line.lock` says how long this line waits, silently.
`on`: enrolled. `leaving`: the withdrawal is being said to the server; then `off`, with `trouble` where it could not be
said. `paused`: on, and silent because its SIM is not in the phone. `policy-changed`: silent until its owner has agreed
to the server's present policy."""


class Lock(_Quiet, frozen=True, kw_only=True):
    """How a line stands to registration locks. Times are Unix seconds."""

    waits_until: float | None = None
    """This line waits for its number until then."""
    pin_tries: int = 0
    """How many PINs may still be tried for it."""
    pin_set: bool = False
    """Whether this line's own lock has a PIN."""
    newcomer_until: float | None = None
    """Another device waits for this line's number until then."""


class Line(_Quiet, frozen=True, kw_only=True):
    """One line, for its owner's eyes."""

    name: LineName
    state: LineState
    connected: bool
    """Whether its stream is open and logged in."""
    number: str | None
    """E.164, if known."""
    sim: Literal["present", "locked", "absent", "no-modem"]
    server: str | None
    server_key: str | None
    """Digest of the server's long-term key, hex."""
    findable: Findable | None
    read_receipts: bool
    consent: str | None
    """Id of the consent record in force, hex."""
    waiting: int
    """Outgoing messages without an outcome."""
    connections: int
    """How many connections the gate has opened for this line, ever, by its journal."""
    trouble: str | None = None
    """What stands in the way and what to do, if anything does."""
    lock: Lock = Lock()
    sim_gone_since: float | None = None
    """Since when the line's own SIM is not in the phone (Unix seconds); None while it is, or where that is not sure."""
    released_at: float | None = None
    """When the enrolment is released if the SIM does not come back."""


Awaited = Literal["connection", "server", "recipient", "recall", "recipient-device", "modem", "owner"]
"""What a text waits for. `connection`: with the server. `server`: to take it, or to give the recipient's keys.
`recipient`: its phone, to fetch the text. `recall`: the server's answer to one. `recipient-device`: its word whether it
has a text that was recalled. `modem`: to send the SMS. `owner`: a decision."""
Then = Literal["sms", "ask", "fail"]
Choice = Literal["send-as-sms", "send-as-sms-in-doubt", "cancel"]


class Waiting(_Quiet, frozen=True, kw_only=True):
    """What a text of ours waits for."""

    what: Awaited
    until: float | None
    """When the phone does something about it by itself, Unix seconds; None: nothing but what it waits for."""
    then: Then | None
    """What it does: sends it by SMS (after a recall, where the server has it), asks its owner, or gives up."""
    choices: list[Choice]
    """What its owner can do now: `SendAsSms`, the same with `in_doubt`, `Cancel`."""


class Message(_Quiet, frozen=True, kw_only=True):
    """One message, for its owner's eyes."""

    id: str
    """Hex; of a cloud message its message id."""
    line: LineName
    direction: Literal["in", "out", "system"]
    """`system`: nobody sent it; the phone says something about the thread in `notice`."""
    number: str
    """The other side: E.164, a short code, or letters."""
    text: str
    channel: Literal["cloud", "sms"]
    state: str
    """Out: `queued`, `deposited`, `accepted`, `delivered`, `read`, `recalling`, `in-doubt`, `unknown`, `sms-sending`,
    `sms-sent`, `sms-delivered`, `sms-unknown`, `cancelled`, `failed` (docs/reference/message-states.md); in: `new` or
    `read`."""
    at: float
    """When it was sent, Unix seconds: by this phone's clock, or by the sender's."""
    notice: str | None = None
    """What the person should know: another key than before, another statement than ours, sent by SMS because ..."""
    waiting: Waiting | None = None
    """Of a text of ours that has no outcome yet."""


class Contact(_Quiet, frozen=True, kw_only=True):
    """One contact."""

    name: str
    number: str
    cloud: Literal["yes", "likely", "no", "not-asked"]
    """What the phone remembers; looking here asks nobody. `likely`: in the enrolled set; the first text decides."""


class Connection(_Quiet, frozen=True, kw_only=True):
    """One connection of the gate's journal, for its owner's eyes."""

    line: LineName
    at: float
    """Unix seconds."""
    host: str
    port: int
    purpose: str
    sent_bytes: int | None
    """None while it is open, or where the phone died meanwhile."""
    received_bytes: int | None


# ---- answers ----


class _Answer(_Quiet, frozen=True, kw_only=True, tag_field="answer"):
    pass


class Done(_Answer, frozen=True, kw_only=True, tag="done"):
    """Done; there is nothing to tell."""


class Failed(_Answer, frozen=True, kw_only=True, tag="error"):
    """Not done, and nothing has changed."""

    error: str
    """A sentence that says what to do."""


class StatusReport(_Answer, frozen=True, kw_only=True, tag="status"):
    """How the phone stands."""

    version: str
    lines: list[Line]


class CodeOnItsWay(_Answer, frozen=True, kw_only=True, tag="code-on-its-way"):
    """The server took the enrolment and says that it sent a code."""

    line: LineName
    expires_s: int


class OptedOut(_Answer, frozen=True, kw_only=True, tag="opted-out"):
    """The line is silent."""

    line: LineName
    erased: bool
    """The server signed that it erased everything; else the lease lapses by itself."""
    outlives: list[str]
    """What the server still holds and how long at most, as its receipt says."""
    recalled: int = 0
    """How many texts were recalled first, because the owner said so."""
    left_waiting: int = 0
    """How many were still in others' mailboxes when the line went off; their recipients may get them."""


class Held(_Answer, frozen=True, kw_only=True, tag="held"):
    """What the server says it holds."""

    line: LineName
    held: Holdings


class ReceiptList(_Answer, frozen=True, kw_only=True, tag="receipts"):
    """Proofs, oldest first."""

    proofs: list[Proof]
    unanswered: int
    """Consents that no server ever signed for: the enrolment did not come about."""


class ConnectionList(_Answer, frozen=True, kw_only=True, tag="connections"):
    """Connections, newest first."""

    connections: list[Connection]


class FallbackSet(_Answer, frozen=True, kw_only=True, tag="fallback"):
    """The policy that holds."""

    line: LineName
    number: str | None
    fallback: Fallback
    own: bool
    """Whether it was set for just this (conversation, or line), and is not inherited."""


class NextRoute(_Answer, frozen=True, kw_only=True, tag="next-text"):
    """How the next text of a conversation would go, as far as the phone can tell without asking anybody."""

    number: str
    line: LineName
    channel: Literal["cloud", "sms"]
    certain: bool
    """False: the recipient's keys are claimed with the first text, and that decides."""
    goes_now: bool
    """False: it would wait first (for a connection, for its owner's decision)."""
    reason: str | None
    """A word for programs: `line-off`, `left-cloud`, `no-connection`, ..."""
    sentence: str
    """The same for the owner."""


class Sending(_Answer, frozen=True, kw_only=True, tag="sending"):
    """The text is durable in the outbox; `Watch` tells the rest."""

    message: Message


class MessageList(_Answer, frozen=True, kw_only=True, tag="messages"):
    """Messages, oldest first."""

    messages: list[Message]


class ContactList(_Answer, frozen=True, kw_only=True, tag="contacts"):
    """Contacts by name."""

    contacts: list[Contact]


class AppLink(_Answer, frozen=True, kw_only=True, tag="app-link"):
    """A link that opens the web app once."""

    link: str
    file: str
    """Path of a page for this owner only that leads there: a link in a command line could be read by others."""
    expires_s: int


class Watching(_Answer, frozen=True, kw_only=True, tag="watching"):
    """Whatever happens from here on is told."""


Answer = (
    Done
    | Failed
    | StatusReport
    | CodeOnItsWay
    | Held
    | ReceiptList
    | ConnectionList
    | OptedOut
    | FallbackSet
    | NextRoute
    | Sending
    | MessageList
    | ContactList
    | AppLink
    | Watching
)


# ---- events ----


class _Event(_Quiet, frozen=True, kw_only=True, tag_field="event"):
    pass


class LineChanged(_Event, frozen=True, kw_only=True, tag="line"):
    """A line changed: state, connection, SIM, trouble."""

    line: Line


class MessageChanged(_Event, frozen=True, kw_only=True, tag="message"):
    """A message came, or its state or channel changed."""

    message: Message


Event = LineChanged | MessageChanged


class CommandHandler(Protocol):
    """Does what the owner asks; the phone's side of the socket calls it."""

    async def handle(self, command: Command) -> Answer:
        """Do one command.

        Raises:
            SaysoError: not possible now; the sentence goes to the owner as `Failed`.
        """
        ...

    def watch(self) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """Subscribe from the moment of entering until leaving; ends early when the watcher cannot keep up."""
        ...
