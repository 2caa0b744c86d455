"""SMS that a modem was given and keeps no reference of: what the phone remembers in its place."""

from typing import Final

from sayso.phone.adapters.store.database import Database, Value
from sayso.phone.ports import HandedSms

_KEPT_S: Final = 60 * 24 * 3600.0
"""After so long nobody asks: no network reports that late."""


class HandedSmsBook:
    """The HandedBook port for one line."""

    def __init__(self, database: Database, line: bytes) -> None:
        self._database = database
        self._line = line

    def get(self, ref: int) -> HandedSms | None:
        """Return what is noted under the phone's reference."""
        return self._one("ref = ?", ref)

    def put(self, entry: HandedSms) -> None:
        """Note, new or changed; what is older than anybody asks for is forgotten with it."""
        with self._database.transaction("sms-noted"):
            self._database.execute("DELETE FROM handed_sms WHERE line = ? AND at < ?", (self._line, entry.at - _KEPT_S))
            self._database.execute(
                "INSERT OR REPLACE INTO handed_sms VALUES (?, ?, ?, ?, ?, ?, ?)",
                (self._line, entry.ref, entry.to, entry.place, entry.state, entry.network_ref, entry.at),
            )

    def forget(self, ref: int) -> None:
        """Forget: the modem never took it."""
        with self._database.transaction("sms-not-taken"):
            self._database.execute("DELETE FROM handed_sms WHERE line = ? AND ref = ?", (self._line, ref))

    def reported(self, network_ref: int, to: str) -> HandedSms | None:
        """Return the newest SMS to this number under this reference that waits for its delivery report."""
        return self._one("network_ref = ? AND recipient = ? AND state = 'sent' ORDER BY at DESC", network_ref, to)

    def _one(self, where: str, *values: Value) -> HandedSms | None:
        rows = self._database.execute(
            f"SELECT ref, recipient, place, state, network_ref, at FROM handed_sms WHERE line = ? AND {where} LIMIT 1",  # noqa: S608  conditions from the source
            (self._line, *values),
        )
        if not rows:
            return None
        ref, recipient, place, state, network_ref, at = rows[0]
        return HandedSms(
            ref=int(ref or 0),
            to=str(recipient),
            place=str(place),
            state=str(state),
            network_ref=None if network_ref is None else int(network_ref),
            at=float(at or 0),
        )
