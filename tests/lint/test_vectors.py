"""The test vectors are what their script makes, cover what they should, and hold fictional numbers only."""

import json
import re
import shutil
from pathlib import Path

import pytest

from scripts import make_vectors
from scripts.make_vectors import FILES, FOLDER, ROOT, pages

FICTION = re.compile(r"\+447700900\d{3}|\+120255501\d\d", re.ASCII)


def test_regenerating_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert make_vectors.main(["--check"]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_damaged_file_is_noticed(name: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / FOLDER, tmp_path / FOLDER)
    path = tmp_path / FOLDER / name
    text = path.read_text(encoding="utf-8")
    # The end of the last long word: in sealed.json that is a ciphertext's last byte.
    at = max(found.end() for found in re.finditer(r"[0-9A-Za-z]{8,}", text)) - 1
    path.write_text(text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :], encoding="utf-8")
    assert pages(tmp_path)[f"{FOLDER}/{name}"] != path.read_text(encoding="utf-8")


def test_sealed_bytes_stay_while_they_open_and_are_made_anew_when_they_do_not(tmp_path: Path) -> None:
    name = f"{FOLDER}/sealed.json"
    stored = (ROOT / name).read_text(encoding="utf-8")
    assert pages()[name] == stored
    fresh = json.loads(pages(tmp_path)[name])
    for part in ("number", "envelope"):
        assert fresh[part]["sealed"] != json.loads(stored)[part]["sealed"]
        assert fresh[part]["public_key"] == json.loads(stored)[part]["public_key"]


@pytest.mark.parametrize("file", sorted((ROOT / FOLDER).glob("*.json")), ids=lambda file: file.name)
def test_numbers_are_fictional(file: Path) -> None:
    numbers = set(re.findall(r"\+\d{7,15}", file.read_text(encoding="utf-8")))
    assert all(FICTION.fullmatch(number) for number in numbers)


def test_every_file_is_made_or_names_its_source() -> None:
    others = {file.name for file in (ROOT / FOLDER).glob("*.json")} - set(FILES)
    assert others == {"rfc9497.json"}
    source = json.loads((ROOT / FOLDER / "rfc9497.json").read_text(encoding="utf-8"))["source"]
    assert source.startswith("RFC 9497, appendix A.1.2")
