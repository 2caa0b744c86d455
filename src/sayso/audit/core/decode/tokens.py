"""Runs of base64, base32 and hex inside a text.

A text is cut into tokens by one pass of `bytes.translate` and one search for spaces, which makes no object of the words
that most traffic consists of.
"""

import binascii
import re
import string
from base64 import b32decode
from collections.abc import Iterator

_ALNUM = (string.ascii_letters + string.digits).encode()
TOKEN_SIGNS = _ALNUM + b"+/-_"
_SEPARATE = bytes(byte if byte in TOKEN_SIGNS else 0x20 for byte in range(256))
HEX_SIGNS = string.hexdigits.encode()
BASE32_UPPER = (string.ascii_uppercase + "234567").encode()
BASE32_LOWER = BASE32_UPPER.lower()
PRINTABLE = bytes(range(0x20, 0x7F)) + b"\t\r\n"
_CONTROLS = bytes(0 if chr(byte).isascii() and byte not in PRINTABLE else 1 for byte in range(256))
URL_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
STANDARD = (string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/").encode()
ALPHABETS: dict[str, bytes] = {
    "base64.imap": STANDARD[:-1] + b",",
    "base64.crypt": b"./" + (string.digits + string.ascii_uppercase + string.ascii_lowercase).encode(),
    "base64.bcrypt": b"./" + (string.ascii_uppercase + string.ascii_lowercase + string.digits).encode(),
    "base64.digits-first": (string.digits + string.ascii_uppercase + string.ascii_lowercase + "+/").encode(),
    "base64.lower-first": (string.ascii_lowercase + string.ascii_uppercase + string.digits + "+/").encode(),
}
"""Other orders and signs than RFC 4648's two: name to the 64 signs. Only the main forms are looked for in these."""
MIN_TOKEN = 8
MIN_BASE64 = 12
MIN_BASE32 = 16
MIN_HEX = 12
UNALIGNED_MIN = 32
PIECE = 256 * 1024
# Each search begins at a space, which the engine finds at the speed of memory; both looks ahead are of single signs.
_WORTH_A_LOOK = re.compile(rb" (?=[^ ]{%d})(?![a-z]{0,%d} )([^ ]+)" % (MIN_TOKEN, MIN_BASE32 - 1))


def separate(view: bytes) -> bytes:
    """The tokens of a view with spaces before, between and behind them."""
    return b" %b " % view.translate(_SEPARATE)


def worth_a_look(separated: bytes) -> Iterator[list[bytes]]:
    """Yield the tokens that can be a digest or encoded, in lists that fit into memory.

    Those are tokens of `MIN_TOKEN` signs; of nothing but lower case letters, of `MIN_BASE32`.

    Args:
        separated: of `separate`.
    """
    if len(separated) <= PIECE:
        yield _WORTH_A_LOOK.findall(separated)
        return
    at = 0
    while at < len(separated) - 1:
        end = separated.find(b" ", at + PIECE)
        end = len(separated) if end < 0 else end + 1
        yield _WORTH_A_LOOK.findall(separated, at, end)
        at = end - 1


def is_text(data: bytes) -> bool:
    """Whether nothing but signs a person could read is in it: ASCII, or UTF-8 without control characters."""
    # Twice through the bytes at the speed of memory; deleting the printable ones would cost seven times as much.
    if b"\0" in data.translate(_CONTROLS):
        return False
    if data.isascii():
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def from_base64(run: bytes) -> bytes:
    """Decode a run of either RFC 4648 alphabet without padding; a last lone character is dropped."""
    standard = run.translate(URL_TO_STANDARD)
    spare = len(standard) % 4
    if spare == 1:
        standard = standard[:-1]
    try:
        return binascii.a2b_base64(standard + b"==="[: (4 - spare) % 4 if spare != 1 else 0])
    except binascii.Error:
        return b""


def base64_name(run: bytes) -> str:
    """Which of the two alphabets a run is of; where both would do, the standard one."""
    return "base64url" if b"-" in run or b"_" in run else "base64"


def worth_base64(token: bytes) -> bool:
    """Whether a token can be base64 of something: words, numbers and constants are of one case."""
    return len(token) >= MIN_BASE64 and not (token.islower() or token.isupper() or token.isdigit())


def unaligned(token: bytes) -> Iterator[tuple[str, bytes]]:
    """Decode from the second, third and fourth sign where that begins with readable text; and after a separator."""
    if len(token) < UNALIGNED_MIN:
        return
    for start in (1, 2, 3):
        head = from_base64(token[start : start + 16])
        if len(head) == 12 and is_text(head):  # noqa: PLR2004  16 signs are 12 bytes
            yield base64_name(token), from_base64(token[start:])


def base32(token: bytes) -> Iterator[tuple[str, bytes]]:
    """Decode base32 (RFC 4648, 6) in one case, as it stands in names of the DNS; a long word is decoded too."""
    if len(token) < MIN_BASE32 or (token.translate(None, BASE32_UPPER) and token.translate(None, BASE32_LOWER)):
        return
    usable = len(token) // 8 * 8 + {0: 0, 1: 0, 2: 2, 3: 2, 4: 4, 5: 5, 6: 5, 7: 7}[len(token) % 8]
    text = token[:usable].upper()
    yield "base32", b32decode(text + b"=" * (-len(text) % 8))


def is_token(data: bytes) -> bool:
    """Whether bytes are signs of a token and nothing else."""
    return bool(data) and not data.translate(None, TOKEN_SIGNS)


def is_hex(token: bytes) -> bool:
    """Whether a token is hex digits and nothing else."""
    return not token.translate(None, HEX_SIGNS)


def from_hex(token: bytes) -> bytes:
    """Decode hex of either case; a last lone digit is dropped."""
    return binascii.a2b_hex(token[: len(token) // 2 * 2])
