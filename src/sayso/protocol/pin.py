"""The PIN of a line's registration lock (design.md §5.1): from digits to what the server compares.

    PIN ─ blinded, evaluated by the server under a key of this PIN's salt (RFC 9497), blind taken off ─▶ output (64)
    output ─ Argon2id (RFC 9106), the same salt ─▶ proof (32) ─ SHA-256 ─▶ verifier (32), all that the server keeps

The server never sees the PIN. Whoever has its database but not its keyring has nothing to try guesses against; whoever
asks it to evaluate a guess pays a try for it. `tokens.Blinded` does the blinding.
"""

import hashlib
import re
from typing import Final

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from sayso.protocol.errors import PinError
from sayso.protocol.passphrase import STANDARD, Cost

SALT_BYTES: Final = 16
PROOF_BYTES: Final = 32
_FORM: Final = re.compile(r"[0-9]{4,20}", re.ASCII)
_VERIFIER: Final = b"sayso/pin-verifier/1"


def pin_input(pin: str) -> bytes:
    """Return what goes into the VOPRF for a PIN.

    Raises:
        PinError: a PIN is 4 to 20 digits.
    """
    if not _FORM.fullmatch(pin):
        raise PinError("a PIN is 4 to 20 digits")
    return b"sayso-pin-v1:" + pin.encode("ascii")


def prove(output: bytes, salt: bytes, cost: Cost = STANDARD) -> bytes:
    """Harden a VOPRF output into the proof that is shown to the server. Takes a good fraction of a second.

    Args:
        output: 64 bytes.
        salt: the PIN's, 16 bytes.
        cost: Argon2id's; the same for every phone, or no other phone could prove the PIN.
    """
    memory, passes, lanes = cost
    return Argon2id(salt=salt, length=PROOF_BYTES, iterations=passes, lanes=lanes, memory_cost=memory).derive(output)


def verifier_of(proof: bytes) -> bytes:
    """Return what the server keeps of a proof: a stolen one proves nothing."""
    return hashlib.sha256(_VERIFIER + proof).digest()
