"""A line's memory of what its modem was given, in memory. Passes tests/contract/handed_book.py."""

from sayso.phone.ports import HandedSms


class FakeBook:
    """The HandedBook port."""

    def __init__(self) -> None:
        self.entries: dict[int, HandedSms] = {}

    def get(self, ref: int) -> HandedSms | None:
        return self.entries.get(ref)

    def put(self, entry: HandedSms) -> None:
        self.entries[entry.ref] = entry

    def forget(self, ref: int) -> None:
        self.entries.pop(ref, None)

    def reported(self, network_ref: int, to: str) -> HandedSms | None:
        waiting = [
            one for one in self.entries.values() if (one.network_ref, one.to, one.state) == (network_ref, to, "sent")
        ]
        return max(waiting, key=lambda one: one.at, default=None)
