"""What answers and events show: lines, messages, contacts, connections, for their owner's eyes."""

from typing import Literal

from sayso.phone.command_types.words import Findable, LineName, Quiet

LineState = Literal["off", "asking", "code-wanted", "locked", "on", "leaving", "paused", "policy-changed"]
"""`off`: no consent, no traffic. `asking`: consented, on the way to a code. `code-wanted`: a code is on its way by SMS.
`locked`: another device is enrolled under the number; `Line.lock` says how long this line waits, silently.
`on`: enrolled. `leaving`: the withdrawal is being said to the server; then `off`, with `trouble` where it could not be
said. `paused`: on, and silent because its SIM is not in the phone. `policy-changed`: silent until its owner has agreed
to the server's present policy."""


class Lock(Quiet, frozen=True, kw_only=True):
    """How a line stands to registration locks. Times are Unix seconds."""

    waits_until: float | None = None
    """This line waits for its number until then."""
    pin_tries: int = 0
    """How many PINs may still be tried for it."""
    pin_set: bool = False
    """Whether this line's own lock has a PIN."""
    newcomer_until: float | None = None
    """Another device waits for this line's number until then."""


class Line(Quiet, frozen=True, kw_only=True):
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


class Waiting(Quiet, frozen=True, kw_only=True):
    """What a text of ours waits for."""

    what: Awaited
    until: float | None
    """When the phone does something about it by itself, Unix seconds; None: nothing but what it waits for."""
    then: Then | None
    """What it does: sends it by SMS (after a recall, where the server has it), asks its owner, or gives up."""
    choices: list[Choice]
    """What its owner can do now: `SendAsSms`, the same with `in_doubt`, `Cancel`."""


class Message(Quiet, frozen=True, kw_only=True):
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


class Contact(Quiet, frozen=True, kw_only=True):
    """One contact."""

    name: str
    number: str
    cloud: Literal["yes", "likely", "no", "not-asked"]
    """What the phone remembers; looking here asks nobody. `likely`: in the enrolled set; the first text decides."""


class Connection(Quiet, frozen=True, kw_only=True):
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
