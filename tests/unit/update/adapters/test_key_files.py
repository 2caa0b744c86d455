"""Key files: two keys, for one pair of eyes."""

from pathlib import Path

import pytest

from sayso.update.adapters.key_files import make_key_file, read_key_file
from sayso.update.errors import PublishError


@pytest.mark.parametrize("passphrase", [None, "a long one"])
def test_a_key_file_holds_one_key_of_each_kind(tmp_path: Path, passphrase: str | None) -> None:
    made = make_key_file(tmp_path / "key.pem", passphrase)
    read = read_key_file(tmp_path / "key.pem", passphrase)
    assert [signer.public_key for signer in made] == [signer.public_key for signer in read]
    assert [signer.public_key.scheme for signer in read] == ["ed25519", "ml-dsa-65/1"]
    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600


def test_under_a_passphrase_nothing_opens_without_it(tmp_path: Path) -> None:
    make_key_file(tmp_path / "key.pem", "a long one")
    assert (tmp_path / "key.pem").read_bytes().count(b"BEGIN ENCRYPTED PRIVATE KEY") == 2
    for wrong in (None, "another one"):
        with pytest.raises(PublishError) as caught:
            read_key_file(tmp_path / "key.pem", wrong)
        assert caught.value.__cause__ is None  # a parser's words about a private key go nowhere


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    make_key_file(tmp_path / "key.pem", None)
    (tmp_path / "key.pem").chmod(0o644)
    with pytest.raises(PublishError, match="chmod 600"):
        read_key_file(tmp_path / "key.pem", None)


def test_a_file_with_half_of_it_is_refused(tmp_path: Path) -> None:
    make_key_file(tmp_path / "key.pem", None)
    content = (tmp_path / "key.pem").read_bytes()
    (tmp_path / "key.pem").write_bytes(content[: content.index(b"-----END") + 30])
    with pytest.raises(PublishError, match="one Ed25519 and one ML-DSA-65"):
        read_key_file(tmp_path / "key.pem", None)
    with pytest.raises(PublishError, match="cannot read"):
        read_key_file(tmp_path / "nowhere.pem", None)
