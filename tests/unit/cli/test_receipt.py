"""`sayso receipt verify`: what it says, and its exit code."""

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sayso.cli.receipt import receipt
from sayso.consent.policy import current_policy
from sayso.consent.proofs import Proof, Proofs
from scripts.vector_cast import RECORD, SERVER
from tests.fakes.proofs import OUTLIVES, proof, proof_of_leaving

CURRENT = msgspec.structs.replace(RECORD, policy=current_policy())


def written(folder: Path, *proofs: Proof, name: str = "receipts.json") -> str:
    file = folder / name
    file.write_bytes(msgspec.json.encode(Proofs(proofs=list(proofs), schema_version="sayso-proofs-1")))
    return str(file)


def verify(*arguments: str) -> Result:
    return CliRunner().invoke(receipt, ["verify", *arguments], catch_exceptions=False)


def test_it_says_in_plain_words_what_is_proved(tmp_path: Path) -> None:
    done = verify(written(tmp_path, proof(CURRENT), proof_of_leaving()))
    assert done.exit_code == 0
    assert "the one that this program shows" in done.output
    assert "Who may find the line: everyone who has the number." in done.output
    assert "has not been withdrawn" in done.output
    assert "erased everything, except:" in done.output
    assert OUTLIVES[0] in done.output
    assert done.stderr == ""


def test_it_says_it_to_programs(tmp_path: Path) -> None:
    done = verify("--json", "--server-key", SERVER.hex(), written(tmp_path, proof()))
    (line,) = done.stdout.splitlines()
    told = json.loads(line)
    assert told["holds"] is True
    assert (told["server_key"], told["taken_on"]) == (SERVER.hex(), "2026-09-21")
    assert told["policy_is_current"] is False


def test_one_that_does_not_hold_fails_and_the_others_are_told(tmp_path: Path) -> None:
    forged = proof(key=Ed25519PrivateKey.from_private_bytes(b"x" * 32))
    done = verify(written(tmp_path, proof(), forged), written(tmp_path, proof(), name="good.json"))
    assert done.exit_code == 1
    assert done.stdout.count(": holds.") == 2
    assert "receipt 2: does not hold: the receipt is not signed by the server's receipt key" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_consent_that_has_ended_or_is_for_an_older_text_is_not_in_force(tmp_path: Path) -> None:
    done = verify("--in-force", "--json", written(tmp_path, proof(CURRENT), proof(), proof_of_leaving()))
    assert done.exit_code == 1
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["holds"] for one in told] == [True, False, False]
    assert "another text" in told[1]["error"]
    assert "it was withdrawn" in told[2]["error"]


@pytest.mark.parametrize("content", [b"", b"{}", b"%PDF-1.7", b"\x00" * 100])
def test_another_file_gets_one_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "other"
    file.write_bytes(content)
    done = verify(str(file))
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1
    assert "no file of receipts" in done.stderr


def test_an_empty_file_of_receipts_proves_nothing(tmp_path: Path) -> None:
    done = verify(written(tmp_path))
    assert done.exit_code == 1
    assert "no receipt in this file" in done.stderr


def test_a_key_of_another_server_is_told_from_a_typing_error(tmp_path: Path) -> None:
    file = written(tmp_path, proof())
    foreign = verify("--server-key", "00" * 32, file)
    assert "another server" in foreign.stderr
    typed = verify("--server-key", "00", file)
    assert typed.exit_code == 1
    assert "64 hex digits" in typed.stderr
