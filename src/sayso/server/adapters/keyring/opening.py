"""Opens the keyring of a data directory: under its passphrase, or plain where that was chosen."""

from pathlib import Path

from sayso.server.adapters.keyring.file_keyring import FileKeyring, PassphraseKeyring, PlainKeyring
from sayso.server.ports import Clock, Random


def open_keyring(data: Path, passphrase: str | None, *, clock: Clock, random: Random) -> FileKeyring:
    """Open the keyring below `data`, or make it at first use; without a passphrase a plain one.

    Raises:
        ConfigError: others can read it.
        KeyringError: wrong passphrase, damaged, or it cannot be read or written.
    """
    directory = data / "keyring"
    if passphrase is not None:
        return PassphraseKeyring(directory, passphrase, random=random, clock=clock)
    return PlainKeyring(directory, random=random, clock=clock)
