"""One example of each frame and of each kind of content, for the vectors and as seeds of the fuzzers."""

from typing import Final

from sayso.protocol import content, frames
from sayso.protocol.ids import envelope_id, handle_hash
from scripts.vector_cast import ALICE, BOB, NOW, seed

ENVELOPE: Final = seed("a short stand-in for an envelope", 64)
HANDLE: Final = seed("handle")
CLIENT: Final[tuple[frames.Frame, ...]] = (
    frames.Hello(1, ("example",), b""),
    frames.Login(ALICE.device, seed("login signature", 64)),
    frames.Deposit(
        1,
        BOB.token,
        604_800,
        BOB.grant,
        [frames.Part(BOB.device, 1, bytes(handle_hash(HANDLE)), ENVELOPE)],
        again=False,
    ),
    frames.Ack(envelope_id(ENVELOPE), frames.Unreadable.SHOWN),
    frames.Recall(2, HANDLE),
    frames.Ask(3, HANDLE),
    frames.Withdrawn(envelope_id(ENVELOPE), had_it=False),
    frames.Collect(HANDLE),
    frames.Error(frames.ErrorCode.UNKNOWN_FRAME, 99, "no such frame here"),
)
SERVER: Final[tuple[frames.Frame, ...]] = (
    frames.Hello(1, (), seed("login nonce")),
    frames.Ready(259_200, 42),
    frames.Deposited(1, frames.DepositState.ACCEPTED),
    frames.WrongDevices(1, [BOB.device], [ALICE.device], []),
    frames.Refused(1, frames.Refusal.MAILBOX_FULL),
    frames.Deliver(envelope_id(ENVELOPE), ENVELOPE),
    frames.CaughtUp(),
    frames.Outcome(2, handle_hash(HANDLE), frames.OutcomeState.RECALLED),
    frames.Withdraw(envelope_id(ENVELOPE)),
    frames.Error(frames.ErrorCode.MALFORMED, 0, ""),
    frames.Bye(frames.ByeReason.STOPPING),
    frames.LockNotice(604_800),
)

MESSAGE_ID: Final = seed("message id", 16)
BODIES: Final[tuple[tuple[content.Kind, content.Body], ...]] = (
    (content.Kind.TEXT, content.Text("See you at eight \N{SLICE OF PIZZA} \u0627\u0644\u0633\u0627\u0639\u0629")),
    (content.Kind.DELIVERED, content.Receipt([MESSAGE_ID])),
    (content.Kind.READ, content.Receipt([MESSAGE_ID, seed("other message id", 16)])),
    (content.Kind.SMS_NOTICE, content.SmsNotice(MESSAGE_ID, seed("sms digest"), 2)),
)


def example_content(kind: int, body: bytes, *, version: int = content.VERSION) -> content.Content:
    """Return a content from Alice to Bob with this body, already encoded."""
    return content.Content(
        version=version,
        kind=kind,
        message_id=seed(f"content {kind}", 16),
        sender=ALICE.party,
        recipient=BOB.party,
        counter=1,
        sent_at_ms=NOW * 1000,
        statement_digest=seed("statement digest"),
        salt=ALICE.salt,
        grant=ALICE.grant,
        body=body,
    )
