"""Looking at one token: is it a digest, and what does it decode to."""

import re
from collections.abc import Iterator

from sayso.audit.core.decode import lzstring, tokens
from sayso.audit.core.digests import MIN_CHARS, Checksum, DigestIndex, Recognised
from sayso.audit.core.hits import Hit

_HEX_RUN = re.compile(rb"[0-9a-fA-F]{8,}")
_USUAL_LENGTHS = frozenset({8, 16, 32, 40, 56, 64, 96, 128})
_ROWS = frozenset({96, 128})
_UUID = re.compile(rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_JOINTS = re.compile(rb"[+/_-]")
_WHOLE_LENGTHS = frozenset({32, 40, 56, 64})
_INNER_RUN = re.compile(rb"[0-9a-fA-F]{16}")
_TO_URL = bytes.maketrans(b"+/", b"-_")
_HEX_PREFIXES = frozenset({b"0x", b"0X"})
MIN_INNER = 16
"""A digest amid other letters and digits, with no joint before it, has at least this many hex digits."""
MIN_DIGITS = 14
"""Fewer digits are a time or an id; in hex, a seed of seven signs has as many."""
MAX_JOINTS = 12
MAX_CHECKSUM = 10
"""Decimal digits of 32 bits."""
MAX_SLIDE = 512
"""A digest that begins amid hex digits is looked for in runs up to this length."""
MIN_BYTES = 12
_HIGH_BITS = 128


def _blank(found: re.Match[bytes]) -> bytes:
    return b"." * len(found[0])


class TokenSearch:
    """Recognises digests and decodes tokens."""

    def __init__(self, index: DigestIndex, checksums: dict[bytes, list[Checksum]]) -> None:
        self._index = index
        self._checksums = checksums
        self._hex_starts = index.hex_starts
        self._base64_starts = index.base64_starts
        self._starts = frozenset(
            {
                *self._hex_starts,
                *b" ".join(self._hex_starts).upper().split(),
                *self._base64_starts,
                *b" ".join(self._base64_starts).translate(_TO_URL).split(),
                *(key[:MIN_CHARS] for key in checksums),
                *(key[:MIN_CHARS].upper() for key in checksums),
            }
        )

    def may_be_digest(self, token: bytes) -> bool:
        """A quick look, which most tokens do not pass."""
        size = len(token)
        return (
            token[:MIN_CHARS] in self._starts
            or not token.isalnum()
            or (size > MIN_INNER and size not in _WHOLE_LENGTHS and _INNER_RUN.search(token) is not None)
        )

    def digests(self, token: bytes) -> list[Hit]:
        """Digests that the token is, or that begin at a joint in it."""
        start = token[:MIN_CHARS]
        low = start.lower()
        hits: list[Hit] = []
        if len(token) <= MAX_CHECKSUM and token.lower() in self._checksums:
            hits += self._checksum(token)
        if tokens.is_hex(token):
            if low in self._hex_starts or len(token) not in _USUAL_LENGTHS or len(token) in _ROWS:
                hits += self._hex_run(token, token)
            if start in self._base64_starts:
                hits += (self._hit(one, token) for one in self._index.in_base64(token))
            return hits
        if start.translate(tokens.URL_TO_STANDARD) in self._base64_starts:
            hits += (self._hit(one, token) for one in self._index.in_base64(token))
        if len(token) > MIN_CHARS:
            # A group of a UUID is no cut digest: of ten thousand UUIDs one would be it by chance.
            loose = _UUID.sub(_blank, token) if b"-" in token else token
            for found in _HEX_RUN.finditer(loose):
                hits += self._hex_run(found[0], token)
            if not token.isalnum():
                hits += self._at_joints(token)
        return hits

    def _checksum(self, token: bytes) -> Iterator[Hit]:
        coding = "decimal" if token.isdigit() else "hex"
        for one in self._checksums[token.lower()]:
            yield Hit(one.seed, (coding, "crc32"), one.form, 32.0, b"", token, b"", detail="a checksum", hint=True)

    def _at_joints(self, token: bytes) -> Iterator[Hit]:
        if b"-" in token:
            for found in _UUID.finditer(token):
                yield from self._uuid(found[0], token)
        standard = token.translate(tokens.URL_TO_STANDARD)
        for found in list(_JOINTS.finditer(token))[:MAX_JOINTS]:
            if standard[found.end() : found.end() + MIN_CHARS] in self._base64_starts:
                yield from (self._hit(one, token) for one in self._index.in_base64(token[found.end() :]))

    def _hex_run(self, run: bytes, token: bytes) -> Iterator[Hit]:
        lower = run.lower()
        if lower[:MIN_CHARS] in self._hex_starts:
            yield from (self._hit(one, token) for one in self._index.in_hex(run))
        if len(run) not in _USUAL_LENGTHS or len(run) in _ROWS:
            # Digests in a row, or behind hex digits that belong to something else.
            for at in range(1, min(len(lower), MAX_SLIDE) - 31):
                if lower[at : at + MIN_CHARS] in self._hex_starts:
                    yield from (self._hit(one, token) for one in self._index.in_hex(run[at:]) if one.bits >= _HIGH_BITS)

    def _uuid(self, run: bytes, token: bytes) -> Iterator[Hit]:
        bare = run.replace(b"-", b"")
        for one in self._index.in_hex(bare) if bare[:MIN_CHARS].lower() in self._hex_starts else ():
            if one.bits >= _HIGH_BITS:
                yield self._hit(one, token, coding="uuid")

    @staticmethod
    def _hit(one: Recognised, token: bytes, coding: str = "") -> Hit:
        digest = one.digest
        chain = (coding or one.coding, *digest.chain)
        return Hit(digest.seed, chain, digest.form, one.bits, b"", token, b"", detail=digest.detail)

    def decoded(self, token: bytes, limit: int) -> Iterator[tuple[str, bytes]]:
        """Whatever the token may be after decoding; the caller looks whether it makes sense."""
        if token.isdigit() and len(token) < MIN_DIGITS:
            return
        if tokens.is_hex(token):
            yield "hex", tokens.from_hex(token)
            if len(token) % 2:
                yield "hex", tokens.from_hex(token[1:])
        elif token[:2] in _HEX_PREFIXES and tokens.is_hex(token[2:]):
            yield "hex", tokens.from_hex(token[2:])
        if tokens.worth_base64(token):
            plain = tokens.from_base64(token)
            yield tokens.base64_name(token), plain
            if not tokens.is_text(plain):
                yield from self._harder(token, limit)
        else:
            yield from tokens.base32(token)

    @staticmethod
    def _harder(token: bytes, limit: int) -> Iterator[tuple[str, bytes]]:
        yield from tokens.unaligned(token)
        yield from lzstring.from_token(token, limit)
        # A path before it, or a name: "/p/dXNlcg", "id_dXNlcg".
        for found in list(_JOINTS.finditer(token))[:MAX_JOINTS]:
            rest = token[found.end() :]
            if len(rest) < tokens.MIN_BASE64:
                return
            if found.end() % 4 and tokens.is_text(tokens.from_base64(rest[:16])):
                yield tokens.base64_name(rest), tokens.from_base64(rest)
