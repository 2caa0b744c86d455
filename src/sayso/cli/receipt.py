"""`sayso receipt`: checks consent receipts, without asking anyone."""

import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from sayso.cli.output import FAILED, ReportingGroup, json_option, tell_json
from sayso.consent.errors import ConsentError
from sayso.consent.policy import current_policy
from sayso.consent.proofs import MAX_BYTES, Proof, Proved, check_proof, read_proofs
from sayso.protocol.ids import KeyDigest

_KEY: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_FINDABLE: Final = {"everyone": "everyone who has the number", "nobody": "nobody until it writes first"}


@click.group(cls=ReportingGroup)
def receipt() -> None:
    """Check receipts of consent and of withdrawal."""


@receipt.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--server-key", help="The server's key, 64 hex digits; without it the one that the consent names.")
@click.option("--in-force", is_flag=True, help="Fail also when a consent was withdrawn, or given to an older policy.")
@json_option
def verify(files: tuple[Path, ...], server_key: str | None, in_force: bool, as_json: bool) -> None:  # noqa: FBT001  flags
    """Check receipts, and say what they prove. Nothing is sent; exit code 1 if anything in a FILE does not hold.

    \b
    Example: what a phone has kept, checked on any machine
        sayso phone receipts --data ./alice --export receipts.json
        sayso receipt verify receipts.json
    """
    pinned = _pinned(server_key)
    today = datetime.now(UTC).date()
    good = True
    for file in files:
        try:
            proofs = _read(file)
        except ConsentError as error:
            good = False
            _tell_refused(file, None, error, as_json=as_json)
            continue
        for place, proof in enumerate(proofs, start=1):
            try:
                proved = check_proof(proof, today=today, pinned=pinned)
                if in_force:
                    _require_in_force(proved)
            except ConsentError as error:
                good = False
                _tell_refused(file, place, error, as_json=as_json)
                continue
            _tell(file, place, proved, as_json=as_json)
    if not good:
        sys.exit(FAILED)


def _pinned(server_key: str | None) -> KeyDigest | None:
    if server_key is None:
        return None
    if not _KEY.fullmatch(server_key):
        raise ConsentError("a server's key is written as 64 hex digits, as `sayso server key` prints it")
    return KeyDigest(bytes.fromhex(server_key))


def _read(file: Path) -> list[Proof]:
    with file.open("rb") as stream:
        proofs = read_proofs(stream.read(MAX_BYTES + 1))
    if not proofs:
        raise ConsentError("there is no receipt in this file")
    return proofs


def _require_in_force(proved: Proved) -> None:
    if proved.withdrawn_at is not None:
        raise ConsentError("this consent has ended: it was withdrawn")
    if proved.record.policy != current_policy():
        raise ConsentError("this consent does not cover the present policy: it was given to another text")


def _tell_refused(file: Path, place: int | None, error: ConsentError, *, as_json: bool) -> None:
    if as_json:
        tell_json({"file": str(file), "proof": place, "holds": False, "error": str(error)})
    else:
        which = "" if place is None else f", receipt {place}"
        click.echo(f"{file}{which}: does not hold: {error}", err=True)


def _tell(file: Path, place: int, proved: Proved, *, as_json: bool) -> None:
    record = proved.record
    if as_json:
        tell_json(
            {
                "file": str(file),
                "proof": place,
                "holds": True,
                "server": record.server,
                "server_key": record.server_key.hex(),
                "policy": record.policy.version,
                "policy_sha256": record.policy.sha256.hex(),
                "policy_is_current": record.policy == current_policy(),
                "purposes": record.purposes,
                "personal_data": record.personal_data,
                "findable": record.findable,
                "given_at": record.timestamp,
                "taken_on": proved.taken_on,
                "withdrawn_at": proved.withdrawn_at,
                "erased_on": proved.erased_on,
                "outlives": proved.outlives,
            }
        )
        return
    for line in (f"{file}, receipt {place}: holds.", *_words(proved)):
        click.echo(line)


def _words(proved: Proved) -> list[str]:
    record = proved.record
    this = "the one that this program shows" if record.policy == current_policy() else "not the one of this program"
    words = [
        f"  On {record.timestamp} the owner of a phone agreed ({record.method}) to policy {record.policy.version},",
        f"  {this} (SHA-256 {record.policy.sha256.hex()}).",
        f"  For: {', '.join(_term(term) for term in record.purposes)}.",
        f"  Data: {', '.join(_term(term) for term in record.personal_data)}.",
        f"  Who may find the line: {_FINDABLE[record.findable]}.",
        f"  The server {record.server} (key {record.server_key.hex()}) signed on {proved.taken_on} that it took this.",
    ]
    if proved.withdrawn_at is None:
        words.append("  It has not been withdrawn, as far as this file says.")
        return words
    words.append(f"  On {proved.withdrawn_at} the owner withdrew it.")
    if proved.erased_on is None:
        words.append("  The server has not signed that it erased everything; its lease ends by itself after 28 days.")
        return words
    words.append(f"  The server signed on {proved.erased_on} that it had erased everything, except:")
    words += [f"    {thing}" for thing in proved.outlives]
    return words


def _term(term: str) -> str:
    """Shorten a term of the Data Privacy Vocabulary to its name."""
    return term.rsplit("#", 1)[-1]
