"""Secrets from systemd: `LoadCredential=` and `LoadCredentialEncrypted=` (systemd.exec(5), systemd-creds(1)).

systemd puts each credential as a file into a directory that only the service's user can read, in memory that is never
swapped out, and names the directory in CREDENTIALS_DIRECTORY. With `systemd-creds encrypt --with-key=tpm2` what lies on
the disk opens on this machine's TPM2 only: a stolen disk, or a copy of it, opens nothing.
"""

import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sayso.server.errors import ConfigError

DIRECTORY: Final = "CREDENTIALS_DIRECTORY"
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,255}", re.ASCII)
_MOST_BYTES: Final = 64 * 1024


def read_credential(name: str, environment: Mapping[str, str]) -> str:
    """Read a credential's first line.

    Args:
        name: as the unit file calls it.
        environment: the process's; systemd names the directory there.

    Raises:
        ConfigError: not started by systemd with credentials, no such credential, or an empty one.
    """
    directory = environment.get(DIRECTORY)
    if directory is None:
        raise ConfigError(
            f"there are no credentials here ({DIRECTORY} is not set): start the server by systemd, with "
            f"LoadCredentialEncrypted={name}:... in its unit, or give a file"
        )
    if not _NAME.fullmatch(name) or name in {".", ".."}:
        raise ConfigError("a credential's name has letters, digits, dots, dashes and underscores")
    path = Path(directory) / name
    try:
        # With an access list for the service's user the group bits show its mask: only the others' bits say anything.
        if path.stat().st_mode & stat.S_IRWXO:
            raise ConfigError(f"everybody may read the credential {name}: let systemd put it there")
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES)
    except FileNotFoundError as error:
        raise ConfigError(
            f"there is no credential {name}: add LoadCredentialEncrypted={name}:... to the unit"
        ) from error
    except OSError as error:
        raise ConfigError(f"the credential {name} cannot be read: {error.strerror}") from error
    try:
        line = content.decode("utf-8").split("\n", 1)[0].rstrip("\r")
    except UnicodeDecodeError as error:
        raise ConfigError(f"the credential {name} is not text in UTF-8") from error
    if not line:
        raise ConfigError(f"the credential {name} is empty")
    return line
