"""Recall and ask: what a sender may learn of its envelope, and when.

Every answer leaves at a point of the strangers' grid, and every question is looked up in the store, so that neither
time nor work tells whether the recipient's phone was on.
"""

from collections import deque
from typing import Final

from sayso.protocol.frames import Ask, Error, ErrorCode, OutcomeState, Recall
from sayso.protocol.ids import HandleHash, handle_hash
from sayso.protocol.limits import LIMITS
from sayso.server.core.model import StoredOutcome
from sayso.server.core.relay.books import Books
from sayso.server.core.relay.endings import Endings
from sayso.server.core.relay.entries import Entry, Place, Question, Sender
from sayso.server.core.relay.ledger import Ledger

OPEN_QUESTIONS: Final = 4096
"""Unanswered questions of one connection; who asks more is cut off."""


class Inquiries:
    """Answers senders' questions."""

    def __init__(self, books: Books, ledger: Ledger, endings: Endings) -> None:
        self._books = books
        self._ledger = ledger
        self._endings = endings
        self._questions: deque[Question] = deque()
        self._asked: Question | None = None

    def recall(self, sender: Sender, frame: Recall, *, now: float = 0.0, paid: bool = False) -> None:
        """Take an envelope back if it never left the relay; else put it in doubt. `paid` as for a deposit."""
        if paid or self._may_ask(sender, now):
            self._question(sender, frame.ref, handle_hash(frame.handle), recall=True)

    def ask(self, sender: Sender, frame: Ask, *, now: float = 0.0, paid: bool = False) -> None:
        """Say what became of an envelope. `paid` as for a deposit."""
        if paid or self._may_ask(sender, now):
            self._question(sender, frame.ref, handle_hash(frame.handle), recall=False)

    @property
    def waiting(self) -> int:
        """How many questions have not been looked up yet."""
        return len(self._questions)

    def next_question(self) -> Question | None:
        """Take a question to look up in the store; `answer` it before the next is taken."""
        if not self._questions:
            return None
        self._ledger.watch()
        self._asked = self._questions.popleft()
        return self._asked

    def answer(self, question: Question, stored: StoredOutcome | None, *, now: float) -> None:
        """Go on with a question once the store was asked for a final outcome."""
        self._asked = None
        digest = question.handle_hash
        entry, doubt = self._books.handles.get(digest), self._books.doubts.get(digest)
        if entry is not None and entry.place is Place.GONE:
            entry = None  # an echo
        final = self._ledger.fresh_outcome(digest) or stored
        record = entry or doubt or final
        if record is None:
            self._endings.reply(question, OutcomeState.UNKNOWN, now=now)
        elif not record.granted and now - record.deposited < LIMITS.stranger_recall_s:
            state = OutcomeState.TOO_EARLY if question.recall else OutcomeState.WAITING
            self._endings.reply(question, state, now=now)
        elif entry is not None:
            self._under_way(question, entry, now=now)
        elif doubt is not None:
            self._endings.ask_device(doubt)
            self._when_durable(question, OutcomeState.IN_DOUBT)
        elif final is not None:
            self._when_durable(question, final.state)

    def knows(self, digest: bytes) -> bool:
        """Whether an envelope of this handle is in this relay, or in doubt here."""
        return digest in self._books.handles or digest in self._books.doubts

    def concerns(self, device: bytes) -> bool:
        """Whether a question about an envelope for this device has not been looked up yet."""
        asked = [*self._questions, *([self._asked] if self._asked else [])]
        records = [self._books.handles.get(one.handle_hash) or self._books.doubts.get(one.handle_hash) for one in asked]
        return any(record is not None and record.device == device for record in records)

    def recall_stored(self, entry: Entry, question: Question, *, now: float) -> None:
        """Recall an envelope that is durable: `RECALLED` only if it never left. Answered once that is durable too."""
        mailbox = self._books.mailbox(entry.device)
        entry.origin = None  # the answer is the news
        if entry.handed:
            self._endings.put_in_doubt(mailbox, entry, OutcomeState.RECALLED, now=now)
            self._when_durable(question, OutcomeState.IN_DOUBT)
        else:
            self._endings.conclude(mailbox, entry, OutcomeState.RECALLED, now=now)
            self._when_durable(question, OutcomeState.RECALLED)

    def _under_way(self, question: Question, entry: Entry, *, now: float) -> None:
        if not question.recall:
            self._endings.reply(question, OutcomeState.WAITING, now=now)
        elif entry.place is Place.STORED:
            self.recall_stored(entry, question, now=now)
        else:
            if entry.place is Place.LIVE:
                self._books.mailbox(entry.device).spill(entry)
                self._ledger.queue(entry)
            # Answered with whatever comes first: the device's word, or the recall once the envelope is durable.
            entry.recalls = [*(entry.recalls or []), question]

    def _when_durable(self, question: Question, state: OutcomeState) -> None:
        """Answer once what was put in so far is durable: who hears `recalled` may send an SMS the next moment."""
        self._ledger.then(lambda now: self._endings.reply(question, state, now=now))

    def _may_ask(self, sender: Sender, now: float) -> bool:
        """Charge the sender's line; one that asks too much is cut off."""
        link = sender.link
        if link is None:
            return False
        if not sender.may_ask(now=now) or sender.open_questions >= OPEN_QUESTIONS:
            link.put(Error(ErrorCode.UNEXPECTED, 0, "too many questions at once"))
            link.end()
            return False
        return True

    def _question(self, sender: Sender, ref: int, digest: HandleHash, *, recall: bool) -> None:
        if sender.link is None:
            return
        sender.open_questions += 1
        self._questions.append(Question(sender=sender, ref=ref, handle_hash=digest, recall=recall))
        self._ledger.poke()
