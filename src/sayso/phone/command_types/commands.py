"""What the owner can ask."""

from typing import Annotated

from msgspec import Meta

from sayso.phone.command_types.words import (
    CONNECTIONS_AT_ONCE,
    MESSAGES_AT_ONCE,
    Fallback,
    Findable,
    LineName,
    MessageId,
    NumberText,
    PinText,
    Quiet,
    TextBody,
)


class _Command(Quiet, frozen=True, kw_only=True, tag_field="command"):
    pass


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


class SetFindable(_Command, frozen=True, kw_only=True, tag="set-findable"):
    """Who may find a line that is on: a consent of its own takes the place of the one before. Answer: `Done`."""

    line: LineName | None = None
    findable: Findable
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
    | SetFindable
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
