"""Recall and ask: what a sender may learn of its envelope, and when.

Every answer leaves at a point of the strangers' grid, and every question is looked up in the store, so that neither
time nor work tells whether the recipient's phone was on.
"""

from collections import deque
from functools import partial

from sayso.protocol.frames import Ask, Outcome, OutcomeState, Recall
from sayso.protocol.ids import HandleHash, handle_hash
from sayso.protocol.limits import LIMITS
from sayso.server.core.model import StoredOutcome
from sayso.server.core.relay.books import Books
from sayso.server.core.relay.endings import Endings, say
from sayso.server.core.relay.entries import Entry, Place, Question, Sender
from sayso.server.core.relay.ledger import Ledger
from sayso.server.core.relay.strangers import Strangers


class Inquiries:
    """Answers senders' questions."""

    def __init__(self, books: Books, ledger: Ledger, endings: Endings, strangers: Strangers) -> None:
        self._books = books
        self._ledger = ledger
        self._endings = endings
        self._strangers = strangers
        self.questions: deque[Question] = deque()

    def recall(self, sender: Sender, frame: Recall) -> None:
        """Take an envelope back if it never left the relay; else put it in doubt."""
        self._question(sender, frame.ref, handle_hash(frame.handle), recall=True)

    def ask(self, sender: Sender, frame: Ask) -> None:
        """Say what became of an envelope."""
        self._question(sender, frame.ref, handle_hash(frame.handle), recall=False)

    def answer(self, question: Question, stored: StoredOutcome | None, *, now: float) -> None:
        """Go on with a question once the store was asked for a final outcome."""
        digest = question.handle_hash
        entry, doubt = self._books.handles.get(digest), self._books.doubts.get(digest)
        final = self._ledger.fresh_outcome(digest) or stored
        record = entry or doubt or final
        if record is None:
            self._reply(question, OutcomeState.UNKNOWN, now=now)
        elif not record.granted and now - record.deposited < LIMITS.stranger_recall_s:
            self._reply(question, OutcomeState.TOO_EARLY if question.recall else OutcomeState.WAITING, now=now)
        elif entry is not None:
            self._under_way(question, entry, now=now)
        elif doubt is not None:
            self._endings.ask_device(doubt)
            self._reply(question, OutcomeState.IN_DOUBT, now=now)
        elif final is not None:
            self._reply(question, final.state, now=now)

    def recall_stored(self, entry: Entry, question: Question, *, now: float) -> None:
        """Recall an envelope that is durable: `RECALLED` only if it never left. Answered once that is durable too."""
        mailbox = self._books.mailbox(entry.device)
        entry.origin = None  # the answer is the news
        state = OutcomeState.IN_DOUBT if entry.handed else OutcomeState.RECALLED
        if entry.handed:
            self._endings.put_in_doubt(mailbox, entry, OutcomeState.RECALLED, now=now)
        else:
            self._endings.conclude(mailbox, entry, state, now=now)
        self._ledger.then(partial(self._reply, question, state, now=now))

    def _under_way(self, question: Question, entry: Entry, *, now: float) -> None:
        if entry.verdict is not None:
            self._reply(question, entry.verdict, now=now)
        elif not question.recall:
            self._reply(question, OutcomeState.WAITING, now=now)
        elif entry.place is Place.STORED:
            self.recall_stored(entry, question, now=now)
        else:
            if entry.place is Place.LIVE:
                self._books.mailbox(entry.device).spill(entry)
                self._ledger.queue(entry)
            entry.recalls = [*(entry.recalls or []), question]

    def _question(self, sender: Sender, ref: int, digest: HandleHash, *, recall: bool) -> None:
        self.questions.append(Question(sender=sender, ref=ref, handle_hash=digest, recall=recall))
        self._ledger.poke()

    def _reply(self, question: Question, state: OutcomeState, *, now: float) -> None:
        reply = Outcome(question.ref, question.handle_hash, state)
        self._strangers.at_next_tick(now, partial(say, question.sender, reply))
        self._ledger.poke()
