"""The yes to checks for updates, and the list of the connections that were made on its account.

HOME/update-consent.json      the signed record in force; no file, no gate
HOME/update-consent.key       the key that signs it, made for this one consent
HOME/update-consents.jsonl    every yes and no there ever was
HOME/connections.jsonl        every connection: before its first packet, and what it came to
"""

import json
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sayso.consent.gate import Gate, place_of
from sayso.consent.ports import Attempt
from sayso.consent.records import (
    UPDATE_PURPOSES,
    ConsentRecord,
    VerifiedConsent,
    Withdrawal,
    read_record,
    sign_record,
    sign_withdrawal,
)
from sayso.update.adapters.files import append_durably, remove_durably, write_durably
from sayso.update.consent_text import update_policy
from sayso.update.errors import HomeError
from sayso.update.ports import Clock, Random

_MAX_BYTES: Final = 64 * 1024


class _Line(msgspec.Struct):
    """One line of the journal: of an attempt, or of what it came to."""

    number: int
    at: float | None = None
    host: str = ""
    port: int = 0
    purpose: str = ""
    sent_bytes: int | None = None
    received_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A connection that was made, and what it came to; None where that was never written down."""

    attempt: Attempt
    sent_bytes: int | None
    received_bytes: int | None


class ConsentFile:
    """The one consent of an installation."""

    def __init__(self, folder: Path, clock: Clock, random: Random) -> None:
        self._record: Final = folder / "update-consent.json"
        self._key: Final = folder / "update-consent.key"
        self._history: Final = folder / "update-consents.jsonl"
        self._connections: Final = folder / "connections.jsonl"
        self._clock = clock
        self._random = random

    def given(self) -> VerifiedConsent | None:
        """Return the consent in force, checked; None where there is none.

        Raises:
            ConsentError: the record is damaged, or not signed.
            HomeError: the file is no record.
        """
        try:
            document = msgspec.json.decode(self._record.read_bytes()[:_MAX_BYTES], type=dict[str, object])
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError as error:
            raise HomeError(f"{self._record} is damaged; say yes anew: sayso update on") from error
        consent = read_record(document)
        if consent.record.kind != "update-check" or consent.record.policy != update_policy():
            return None  # a yes to something else, or to another text, is no yes
        return consent

    def give(self, server: str, *, root_sha256: bytes, method: str) -> VerifiedConsent:
        """Write a yes down. Sends nothing.

        Args:
            server: where releases come from, as the person saw it.
            root_sha256: of the root of trust, 32 bytes.
            method: how the yes was given.
        """
        seed, document = _signed(server, root_sha256, method, self._clock, self._random)
        write_durably(self._key, seed)
        append_durably(self._history, json.dumps(document).encode() + b"\n")
        write_durably(self._record, json.dumps(document).encode())
        return read_record(document)

    def withdraw(self) -> bool:
        """Write a no down; from now on there is no gate. Returns whether there was a yes. Sends nothing."""
        consent = self.given()
        if self._record.exists():
            remove_durably(self._record)
        if consent is None:
            return False
        withdrawal = Withdrawal(
            record_id=consent.record.record_id,
            server_key=consent.record.server_key,
            device=consent.record.device,
            timestamp=_timestamp(self._clock.wall()),
        )
        key = Ed25519PrivateKey.from_private_bytes(self._key.read_bytes())
        append_durably(self._history, json.dumps(sign_withdrawal(withdrawal, key)).encode() + b"\n")
        remove_durably(self._key)
        return True

    def gate(self) -> Gate | None:
        """Return a gate for the consent in force, or None: without a yes there is no way to make one."""
        consent = self.given()
        if consent is None:
            return None
        return Gate(consent, journal=FileJournal(self._connections), now=self._clock.wall)

    def connections(self) -> list[Made]:
        """Return every connection that was made on this consent's account, oldest first. Raises OSError."""
        return FileJournal(self._connections).read()

    def still_given(self, consent: VerifiedConsent) -> bool:
        """Whether this very consent is in force: another program may have taken the no meanwhile."""
        present = self.given()
        return present is not None and present.record.record_id == consent.record.record_id


class FileJournal:
    """The gate's Journal port: JSON lines."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def opened(self, attempt: Attempt) -> int:
        """Write down an attempt before its first packet; its number is made of time and process."""
        number = int(attempt.at * 1_000_000) * 1000 + os.getpid() % 1000
        line = {
            "number": number,
            "at": attempt.at,
            "host": attempt.host,
            "port": attempt.port,
            "purpose": attempt.purpose,
        }
        append_durably(self._path, json.dumps(line).encode() + b"\n")
        return number

    def closed(self, number: int, *, sent_bytes: int, received_bytes: int) -> None:
        """Write down what a connection came to."""
        line = {"number": number, "sent_bytes": sent_bytes, "received_bytes": received_bytes}
        append_durably(self._path, json.dumps(line).encode() + b"\n")

    def read(self) -> list[Made]:
        """Return all that is written down, oldest first. A line that a power cut tore is passed over."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return []
        found: dict[int, Made] = {}
        for raw in content.splitlines():
            with suppress(msgspec.MsgspecError):
                line = msgspec.json.decode(raw, type=_Line)
                before = found.get(line.number)
                if line.at is not None:
                    attempt = Attempt(at=line.at, host=line.host, port=line.port, purpose=line.purpose)
                    found[line.number] = Made(attempt=attempt, sent_bytes=None, received_bytes=None)
                elif before is not None:
                    came_to = replace(before, sent_bytes=line.sent_bytes, received_bytes=line.received_bytes)
                    found[line.number] = came_to
        return list(found.values())


class MemoryJournal:
    """The gate's Journal port for one command that a person typed with the address in it: told, and not kept."""

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []

    def opened(self, attempt: Attempt) -> int:
        """Keep an attempt as long as the command runs."""
        self.attempts.append(attempt)
        return len(self.attempts)

    def closed(self, number: int, *, sent_bytes: int, received_bytes: int) -> None:
        """Do nothing more."""


def typed_consent(url: str, *, root_sha256: bytes, clock: Clock, random: Random) -> VerifiedConsent:
    """Return a consent for one command: whoever types an address to be asked agrees that it is asked, this once.

    Raises:
        GateClosedError: it is no address.
    """
    _, document = _signed(url, root_sha256, "typed-address", clock, random)
    return read_record(document)


def _signed(
    server: str, root_sha256: bytes, method: str, clock: Clock, random: Random
) -> tuple[bytes, dict[str, object]]:
    """Make a record under a key of its own; returns the key and the signed document."""
    place_of(server)
    seed = random.token_bytes(32)
    key = Ed25519PrivateKey.from_private_bytes(seed)
    record = ConsentRecord(
        record_id=random.token_bytes(16),
        kind="update-check",
        server=server,
        server_key=root_sha256,
        policy=update_policy(),
        purposes=UPDATE_PURPOSES,
        personal_data=(),
        timestamp=_timestamp(clock.wall()),
        method=method,
        line=random.token_bytes(16),
        device=random.token_bytes(16),
        device_key=key.public_key().public_bytes_raw(),
        findable="nobody",
    )
    return seed, sign_record(record, key)


def _timestamp(wall: float) -> str:
    return datetime.fromtimestamp(int(wall), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
