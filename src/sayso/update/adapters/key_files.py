"""A holder's key file: two private keys in PEM, Ed25519 and ML-DSA-65, under a passphrase if one is given."""

import os
import re
import stat
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from securesystemslib.signer import CryptoSigner

from sayso.update.errors import PublishError

MAX_BYTES: Final = 64 * 1024
_BLOCK: Final = re.compile(rb"-----BEGIN [A-Z ]+-----\n.+?-----END [A-Z ]+-----\n", re.DOTALL)
_KINDS: Final = (Ed25519PrivateKey, MLDSA65PrivateKey)
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def make_key_file(path: Path, passphrase: str | None) -> list[CryptoSigner]:
    """Make a holder's two keys and their file. Returns the signers.

    Raises:
        PublishError: there is a file already.
    """
    keys: list[Ed25519PrivateKey | MLDSA65PrivateKey] = [Ed25519PrivateKey.generate(), MLDSA65PrivateKey.generate()]
    lock: KeySerializationEncryption = (
        BestAvailableEncryption(passphrase.encode("utf-8")) if passphrase else NoEncryption()
    )
    content = b"".join(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock) for key in keys)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise PublishError(f"{path} exists already; keys are never overwritten") from error
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    return [CryptoSigner(key) for key in keys]


def read_key_file(path: Path, passphrase: str | None) -> list[CryptoSigner]:
    """Read a holder's two keys.

    Raises:
        PublishError: others can read the file, it is no key file, or the passphrase is wrong.
    """
    try:
        if stat.S_IMODE(path.stat().st_mode) & _OTHERS:
            raise PublishError(f"others may read {path}; run: chmod 600 {path}")
        content = path.read_bytes()
    except OSError as error:
        raise PublishError(f"cannot read {path}: {error.strerror}") from error
    secret = passphrase.encode("utf-8") if passphrase else None
    try:
        keys = [load_pem_private_key(block, secret) for block in _BLOCK.findall(content[:MAX_BYTES])]
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Not chained: what the parser says is about a private key.
        raise PublishError(f"{path} is no key file, or its passphrase is another one") from None
    if len(keys) != len(_KINDS) or not all(isinstance(key, kind) for key, kind in zip(keys, _KINDS, strict=True)):
        raise PublishError(f"{path} does not hold one Ed25519 and one ML-DSA-65 key")
    return [CryptoSigner(key) for key in keys]
