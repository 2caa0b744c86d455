"""What the daemon answers."""

from typing import Literal

from sayso.consent.proofs import Proof
from sayso.phone.command_types.views import Connection, Contact, Line, Message
from sayso.phone.command_types.words import Fallback, LineName, Quiet
from sayso.protocol.api import Holdings


class _Answer(Quiet, frozen=True, kw_only=True, tag_field="answer"):
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
