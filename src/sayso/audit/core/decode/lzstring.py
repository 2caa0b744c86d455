"""lz-string (pieroxy.net): LZ78 over UTF-16 units, packed into base64, base64 for URIs, or UTF-16 signs.

Written so that a stream that is none ends at its first impossible code: it is tried on many tokens that are none.
"""

from collections.abc import Iterator

_STANDARD = {
    byte: place for place, byte in enumerate(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
}
_URI = _STANDARD | {ord("-"): 63}
MIN_SIGNS = 16
MAX_SIGNS = 64 * 1024
_READABLE = frozenset(range(0x20, 0x7F)) | {9, 10, 13}
_NEW_8, _NEW_16, _END = 0, 1, 2


class _EndedError(Exception):
    """The stream ended, or is none."""


class _Bits:
    def __init__(self, values: list[int], width: int) -> None:
        self._values = values
        self._width = width
        self._at = 0
        self._left = width

    def take(self, count: int) -> int:
        """Read a number, least bit first, out of signs read from their highest bit."""
        value = 0
        for place in range(count):
            if self._at >= len(self._values):
                raise _EndedError
            self._left -= 1
            value |= (self._values[self._at] >> self._left & 1) << place
            if self._left == 0:
                self._at += 1
                self._left = self._width
        return value


def _unpack(values: list[int], width: int, limit: int) -> str:  # noqa: C901  the format is one loop
    bits = _Bits(values, width)
    words: list[str] = ["", "", ""]
    out: list[str] = []
    size = 0
    grow, code_bits = 4, 3
    first = bits.take(2)
    if first == _END:
        return ""
    word = chr(bits.take(8 if first == _NEW_8 else 16))
    if first > _END or (ord(word) < 0x80 and ord(word) not in _READABLE):  # noqa: PLR2004  ASCII
        raise _EndedError
    words.append(word)
    out.append(word)
    while True:
        code = bits.take(code_bits)
        if code == _END:
            return "".join(out)
        if code in {_NEW_8, _NEW_16}:
            sign = chr(bits.take(8 if code == _NEW_8 else 16))
            if ord(sign) < 0x80 and ord(sign) not in _READABLE:  # noqa: PLR2004  ASCII
                raise _EndedError
            words.append(sign)
            code = len(words) - 1
            grow -= 1
            if grow == 0:
                grow, code_bits = 1 << code_bits, code_bits + 1
        if code < len(words):
            entry = words[code]
        elif code == len(words):
            entry = word + word[0]
        else:
            raise _EndedError
        out.append(entry)
        size += len(entry)
        if size > limit:
            raise _EndedError
        words.append(word + entry[0])
        word = entry
        grow -= 1
        if grow == 0:
            grow, code_bits = 1 << code_bits, code_bits + 1


def from_token(token: bytes, limit: int) -> Iterator[tuple[str, bytes]]:
    """Decode `compressToBase64` or `compressToEncodedURIComponent` output without its padding."""
    if not MIN_SIGNS <= len(token) <= MAX_SIGNS:
        return
    alphabet = _URI if b"-" in token else _STANDARD
    # Look at the first sign before anything else: six bits hold the first code (2) and half of the first sign.
    first = alphabet.get(token[0])
    if first is None or first >> 4 == 3 or first >> 4 == 1:  # noqa: PLR2004  01 in reading order is the end, 11 impossible
        return
    try:
        text = _unpack([alphabet[byte] for byte in token], 6, limit)
    except (_EndedError, KeyError):
        return
    if text:
        yield "lz-string", text.encode("utf-8", "surrogatepass")


def from_utf16(view: bytes, limit: int) -> Iterator[tuple[str, bytes]]:
    """Decode `compressToUTF16` output, given as UTF-8: fifteen bits a sign, moved up by 32."""
    if len(view) > MAX_SIGNS or view.isascii():
        return
    try:
        values = [ord(sign) - 32 for sign in view.decode("utf-8", "surrogatepass")]
    except UnicodeDecodeError:
        return
    if len(values) < 4 or not all(0 <= value < 1 << 15 for value in values):  # noqa: PLR2004  too short to hold a seed
        return
    try:
        text = _unpack(values, 15, limit)
    except _EndedError:
        return
    if text:
        yield "lz-string", text.encode("utf-8", "surrogatepass")
