"""Lines, their devices, the owner's consents, and the devices' own envelope keys."""

import json
from dataclasses import dataclass, replace
from typing import Final

from sayso.phone.adapters.store.database import Database
from sayso.phone.adapters.store.rows import Table
from sayso.phone.core.keys_upkeep import OwnEnvelopeKey
from sayso.phone.core.lines import Device, Line

_OF_LINE: Final = "WHERE line = ?"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Consent:
    """A yes, and what became of it. Kept for good: it is the owner's proof."""

    record_id: bytes
    line: bytes
    given_at: float
    record: str
    """Signed consent record, JSON; so are the others."""
    receipt: str | None = None
    withdrawal: str | None = None
    withdrawal_receipt: str | None = None
    statement: str | None = None
    """The signed statement whose receipt key signed `receipt`: the server may have another key by now."""
    withdrawal_statement: str | None = None


class Lines:
    """Lines and what they are enrolled with."""

    def __init__(self, database: Database) -> None:
        self._lines = Table(database, "line", Line)
        self._devices = Table(database, "device", Device)
        self._consents = Table(database, "consent", Consent)
        self._keys = Table(database, "envelope_key", OwnEnvelopeKey)
        self._database = database

    def all(self) -> list[Line]:
        """Return all lines, by name."""
        return self._lines.many("ORDER BY name")

    def get(self, line: bytes) -> Line:
        """Return a line that is known to exist."""
        found = self._lines.one("WHERE id = ?", line)
        if found is None:
            raise LookupError("no such line in the store")
        return found

    def named(self, name: str) -> Line | None:
        """Return the line of a modem."""
        return self._lines.one("WHERE name = ?", name)

    def add(self, line: Line) -> None:
        """Write down a new line."""
        self._lines.put(line)

    def put(self, line: Line) -> None:
        """Write down a line's changes."""
        self._database.execute(
            "UPDATE line SET state = ?, trouble = ?, number = ?, sim = ?, read_receipts = ?, sim_gone_since = ?"
            " WHERE id = ?",
            (line.state, line.trouble, line.number, line.sim, line.read_receipts, line.sim_gone_since, line.id),
        )

    def device(self, line: bytes) -> Device | None:
        """Return a line's device, if it has one."""
        return self._devices.one(_OF_LINE, line)

    def put_device(self, device: Device) -> None:
        """Write down a device, new or changed."""
        self._devices.put(device)

    def forget_device(self, line: bytes) -> None:
        """Destroy a line's device with all its secrets."""
        self._devices.delete(_OF_LINE, line)
        self._keys.delete(_OF_LINE, line)

    def consent(self, record_id: bytes) -> Consent | None:
        """Return a consent by its record's id."""
        return self._consents.one("WHERE record_id = ?", record_id)

    def consents(self, line: bytes) -> list[Consent]:
        """Return all consents of a line, oldest first."""
        return self._consents.many("WHERE line = ? ORDER BY given_at, rowid", line)

    def put_consent(self, consent: Consent) -> None:
        """Write down a consent, new or changed."""
        self._consents.put(consent)

    def note_receipt(self, record_id: bytes, receipt: dict[str, object], *, statement: bytes) -> None:
        """Keep the server's receipt for a consent, and the signed statement that vouches for its key."""
        self._note(record_id, receipt=json.dumps(receipt), statement=statement.decode("utf-8"))

    def note_withdrawal(self, record_id: bytes, withdrawal: dict[str, object]) -> None:
        """Keep the owner's signed no."""
        self._note(record_id, withdrawal=json.dumps(withdrawal))

    def note_withdrawal_receipt(self, record_id: bytes, receipt: dict[str, object], *, statement: bytes) -> None:
        """Keep the server's receipt for the no, and the signed statement that vouches for its key."""
        self._note(record_id, withdrawal_receipt=json.dumps(receipt), withdrawal_statement=statement.decode("utf-8"))

    def envelope_keys(self, line: bytes) -> list[OwnEnvelopeKey]:
        """Return the device's envelope keys, newest first."""
        return self._keys.many("WHERE line = ? ORDER BY key_id DESC", line)

    def put_envelope_key(self, key: OwnEnvelopeKey) -> None:
        """Write down an envelope key, new or changed."""
        self._keys.put(key)

    def destroy_envelope_key(self, line: bytes, key_id: int) -> None:
        """Destroy an envelope key: what was sealed to it stays closed."""
        self._keys.delete("WHERE line = ? AND key_id = ?", line, key_id)

    def _note(self, record_id: bytes, **documents: str) -> None:
        consent = self.consent(record_id)
        if consent is None:
            raise LookupError("no such consent in the store")
        self._consents.change(replace(consent, **documents), "record_id")  # type: ignore[arg-type]  # only the documents' own fields
