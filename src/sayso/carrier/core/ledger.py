"""The records in memory, with the indexes that the network looks them up by, and the changes not saved yet."""

from collections import defaultdict
from collections.abc import Iterable

from sayso.carrier.core.commands import Forget, Save
from sayso.carrier.core.records import (
    Conditions,
    Counter,
    Message,
    Modem,
    Outgoing,
    Record,
    SentRef,
    Sim,
    StoredSms,
)


class Ledger:
    """Every change goes through `put` and `drop`, so that memory and database cannot drift apart.

    Read the dictionaries, do not write them. Per-SIM dictionaries are oldest first.
    """

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.sims: dict[str, Sim] = {}
        self.modems: dict[str, Modem] = {}
        self.stored: defaultdict[str, dict[int, StoredSms]] = defaultdict(dict)
        self.stored_bytes: defaultdict[str, int] = defaultdict(int)
        self.outgoing: defaultdict[str, dict[int, Outgoing]] = defaultdict(dict)
        self.refs: defaultdict[str, dict[int, SentRef]] = defaultdict(dict)
        self.messages: dict[int, Message] = {}
        self.conditions = Conditions()
        self.counter = Counter()
        self.sim_of_number: dict[str, str] = {}
        self.sim_in_modem: dict[str, str] = {}
        self._changes: dict[tuple[str, str], Save | Forget] = {}
        for record in sorted(records, key=_age):
            self._apply(record)

    def put(self, record: Record) -> None:
        """Add a record or replace the one with its key."""
        self._apply(record)
        self._changes[record.kind, record.key] = Save(record)

    def drop(self, record: Record) -> None:
        """Remove a record that is there."""
        match record:
            case Sim():
                self._unindex(self.sims.pop(record.name))
                self.stored.pop(record.name, None)
                self.stored_bytes.pop(record.name, None)
                self.outgoing.pop(record.name, None)
                self.refs.pop(record.name, None)
            case Modem():
                del self.modems[record.name]
            case StoredSms():
                del self.stored[record.sim][record.index]
                self.stored_bytes[record.sim] -= len(record.text.encode())
            case Outgoing():
                del self.outgoing[record.sim][record.serial]
            case SentRef():
                del self.refs[record.sim][record.ref]
            case Message():
                del self.messages[record.id]
            case Conditions() | Counter():
                raise TypeError("there is always one of these")
        self._changes[record.kind, record.key] = Forget(record)

    def serial(self) -> int:
        """Return a number that was never returned before, across restarts."""
        number = self.counter.next
        self.put(Counter(next=number + 1))
        return number

    def drain(self) -> list[Save | Forget]:
        """Return what has changed since the last call, once per key."""
        changes = list(self._changes.values())
        self._changes.clear()
        return changes

    def _apply(self, record: Record) -> None:  # noqa: C901  one case per kind is the clearest form
        match record:
            case Sim():
                if (old := self.sims.get(record.name)) is not None:
                    self._unindex(old)
                self.sims[record.name] = record
                self.sim_of_number[record.number] = record.name
                if record.modem is not None:
                    self.sim_in_modem[record.modem] = record.name
            case Modem():
                self.modems[record.name] = record
            case StoredSms():
                self.stored[record.sim][record.index] = record
                self.stored_bytes[record.sim] += len(record.text.encode())
            case Outgoing():
                self.outgoing[record.sim][record.serial] = record
            case SentRef():
                self.refs[record.sim][record.ref] = record
            case Message():
                self.messages[record.id] = record
            case Conditions():
                self.conditions = record
            case Counter():
                self.counter = record

    def _unindex(self, sim: Sim) -> None:
        del self.sim_of_number[sim.number]
        if sim.modem is not None:
            del self.sim_in_modem[sim.modem]


def _age(record: Record) -> int:
    match record:
        case StoredSms():
            return record.index
        case Outgoing() | SentRef():
            return record.serial
        case Message():
            return record.id
        case _:
            return 0
