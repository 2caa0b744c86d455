"""Digests of seeds, and how to recognise them whole or cut.

For each digest only its first bytes are kept as keys; a look-up compares the rest with what stands in the traffic and
says how much of it agrees. The 2014 phone sent base64url(SHA-1(IMEI))[:16]; others send the middle 16 digits of an MD5.
"""

import hashlib
import hmac
import zlib
from base64 import b64decode, b64encode
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from posixpath import commonprefix

from sayso.audit.core.forms import Form
from sayso.audit.core.forms.form import DIGIT_BITS
from sayso.audit.core.seed_types import Secret

JOINTS = (b"", b":", b"|", b"-", b"_", b",")
"""What stands between two values that are digested together."""
MIN_CHARS = 8
"""A cut digest has at least this many characters; eight hex digits are 32 bits."""
MD5_BYTES = 16
MIDDLE = 8
"""Where the 16-digit MD5 of Chinese practice begins: md5[8:24]."""
_NUMBERS_BITS = 8.0
"""Numbers stand in traffic hundreds of times as often as cut digests that have no letter."""
_JOINTS = frozenset(b"/_-+")
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")


def _name(run: bytes) -> str:
    return "base64url" if b"-" in run or b"_" in run else "base64"


def _new(name: str) -> Callable[[bytes], bytes]:
    if name in hashlib.algorithms_guaranteed:
        make = getattr(hashlib, name)
        return lambda data: bytes(make(data, usedforsecurity=False).digest())
    return lambda data: hashlib.new(name, data, usedforsecurity=False).digest()


ALGORITHMS: Mapping[str, Callable[[bytes], bytes]] = {
    name.replace("_", "-"): _new(name)
    for name in (
        *("md5", "sha1", "sha224", "sha256", "sha384", "sha512"),
        *("sha3_224", "sha3_256", "sha3_384", "sha3_512", "ripemd160", "blake2b", "blake2s"),
    )
    if name in hashlib.algorithms_available
}
COMMON = ("md5", "sha1", "sha256", "sha512")
"""Digests of digests in every representation, salted and keyed digests: these."""


@dataclass(slots=True)
class Digest:
    """One digest of one form of one seed. Nobody changes it; not frozen, since a run makes twenty thousand."""

    seed: int
    chain: tuple[str, ...]
    """From the outer digest to the inner."""
    form: str
    value: bytes = field(repr=False)
    detail: str = ""
    cut: bool = True
    """Whether a part of it tells; the first bytes of a UUID made from a name are those of the plain digest."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """A digest met in the traffic."""

    digest: Digest
    coding: str
    """How it was written: "hex", "hex.upper", "base64", "base64url", "raw", with `[:16]` where it was cut."""
    bits: float


NAMESPACES: Mapping[str, bytes] = {
    "": b"",  # Java's nameUUIDFromBytes has none
    "DNS": bytes.fromhex("6ba7b8109dad11d180b400c04fd430c8"),
    "URL": bytes.fromhex("6ba7b8119dad11d180b400c04fd430c8"),
    "OID": bytes.fromhex("6ba7b8129dad11d180b400c04fd430c8"),
    "X.500": bytes.fromhex("6ba7b8149dad11d180b400c04fd430c8"),
}
"""Of UUIDs made from names (RFC 9562, 5.3, 5.5 and appendix A)."""


def _named_uuids(data: bytes) -> Iterator[tuple[tuple[str, ...], bytes, str]]:
    """(chain, UUID, detail): digests in which six bits tell that they are UUIDs."""
    for name, space in NAMESPACES.items():
        detail = f"in the namespace {name}" if name else ""
        for version, algorithm in ((3, "md5"), (5, "sha1")):
            value = bytearray(ALGORITHMS[algorithm](space + data)[:MD5_BYTES])
            value[6] = value[6] & 0x0F | version << 4
            value[8] = value[8] & 0x3F | 0x80
            yield (f"{algorithm}.uuid{version}",), bytes(value), detail


def _representations(value: bytes) -> tuple[tuple[str, bytes], ...]:
    """How a digest is written before it is digested again; lower hex goes without saying."""
    text = value.hex().encode()
    return (("", text), ("raw", value), ("hex.upper", text.upper()), ("base64", b64encode(value)))


def _plain(form: Form) -> Iterator[tuple[tuple[str, ...], bytes, str]]:
    """(chain, digest, detail) of one form, without salts."""
    for name, algorithm in ALGORITHMS.items():
        inner = algorithm(form.data)
        yield (name,), inner, ""
        if form.hashed < 2:  # noqa: PLR2004  see Form.hashed
            continue
        representations = _representations(inner)
        for outer_name, outer in ALGORITHMS.items():
            both_common = name in COMMON and outer_name in COMMON
            for shown, data in representations if both_common else representations[:1]:
                chain = (outer_name, shown, name) if shown else (outer_name, name)
                yield chain, outer(data), ""
        if name in COMMON:
            twice = algorithm(inner.hex().encode())
            yield (name,) * 3, algorithm(twice.hex().encode()), ""


def _salted(
    form: Form, salts: Iterable[Secret], keys: Iterable[Secret]
) -> Iterator[tuple[tuple[str, ...], bytes, str]]:
    for salt in salts:
        for name in COMMON:
            algorithm = ALGORITHMS[name]
            yield (f"{name}.salted",), algorithm(salt.value + form.data), f"salt {salt.name!r} before"
            yield (f"{name}.salted",), algorithm(form.data + salt.value), f"salt {salt.name!r} after"
            for joint in (b":", b"|", b"-", b"_"):
                yield (f"{name}.salted",), algorithm(salt.value + joint + form.data), f"salt {salt.name!r} before"
                yield (f"{name}.salted",), algorithm(form.data + joint + salt.value), f"salt {salt.name!r} after"
    for key in keys:
        for name in COMMON:
            digest = hmac.new(key.value, form.data, name).digest()
            yield (f"hmac-{name}",), digest, f"key {key.name!r}"


def joined_digests(named: Sequence[tuple[int, bytes]]) -> Iterator[Digest]:
    """Digests of two ids of a phone written one after the other: makers' "unique ids" are made so.

    Args:
        named: number of the seed and its main form, of each seed that is an id.
    """
    for seed, data in named:
        for other, more in named:
            if seed == other:
                continue
            for joint in JOINTS:
                for name in COMMON:
                    value = ALGORITHMS[name](data + joint + more)
                    yield Digest(seed, (f"{name}.joined",), "plain", value, "with another id behind it")
                    yield Digest(other, (f"{name}.joined",), "plain", value, "with another id before it")


def digests_of(
    seed: int, forms: Iterable[Form], salts: Sequence[Secret] = (), keys: Sequence[Secret] = ()
) -> Iterator[Digest]:
    """All digests of a seed's forms that ask for it."""
    for form in forms:
        if not form.hashed:
            continue
        for chain, value, detail in _plain(form):
            yield Digest(seed, chain, form.name, value, detail)
        if form.hashed > 1:
            for chain, value, detail in _named_uuids(form.data):
                yield Digest(seed, chain, form.name, value, detail, cut=False)
            for chain, value, detail in _salted(form, salts, keys):
                yield Digest(seed, chain, form.name, value, detail)


def _cut_bits(run: bytes) -> float:
    """What so many hex digits prove; with no letter among them they are a date or a counter far more often."""
    if run.isdigit() and len(run) < MIDDLE * 2:
        return DIGIT_BITS * len(run) - _NUMBERS_BITS
    return 4.0 * len(run)


class DigestIndex:
    """Recognises digests in tokens of text and in runs of bytes."""

    def __init__(self, digests: Iterable[Digest]) -> None:
        self._starts: defaultdict[bytes, list[Digest]] = defaultdict(list)
        self._middles: defaultdict[bytes, list[Digest]] = defaultdict(list)
        several = list(digests)
        for digest in several:
            value = digest.value
            self._starts[value[:4]].append(digest)
            if len(value) == MD5_BYTES and digest.cut:
                self._middles[value[4:8]].append(digest)
        # All at once: twenty thousand calls are felt when a run starts.
        keys = b"".join((*self._starts, *self._middles))
        self.hex_starts = frozenset(keys.hex(" ", 4).encode().split())
        """The first eight lower hex digits of whatever could be met; a set, so that most tokens cost one look."""
        starts = b64encode(b"".join([digest.value[:6] for digest in several]))
        self.base64_starts = frozenset(starts[at : at + MIN_CHARS] for at in range(0, len(starts), MIN_CHARS))
        """The first eight base64 characters, standard alphabet."""
        self.raw_starts = frozenset(self._starts)

    def in_hex(self, run: bytes) -> list[Recognised]:
        """Recognise at the start of a run of hex digits; the run ends where the hex digits end."""
        lower = run.lower()
        key = bytes.fromhex(lower[:MIN_CHARS].decode("ascii"))
        coding = "hex" if run == lower else "hex.upper"
        found = []
        for digest in self._starts.get(key, ()):
            whole = digest.value.hex().encode()
            if lower.startswith(whole):
                found.append(Recognised(digest, coding, 4.0 * len(whole)))
            elif digest.cut and whole.startswith(lower):
                found.append(Recognised(digest, f"{coding}[:{len(lower)}]", _cut_bits(lower)))
        middle = [one for one in self._middles.get(key, ()) if one.value.hex()[MIDDLE : MIDDLE + 16].encode() == lower]
        return found + [Recognised(one, f"{coding}[{MIDDLE}:{MIDDLE + 16}]", 64.0) for one in middle]

    def in_base64(self, run: bytes) -> list[Recognised]:
        """Recognise at the start of a run of base64 characters of either alphabet, without its padding."""
        standard = run.translate(_TO_STANDARD)
        coding = _name(run)
        start = standard[:MIN_CHARS]
        known = self._starts.get(b64decode(start)[:4], ()) if start in self.base64_starts else ()
        found = []
        for digest in known:
            text = b64encode(digest.value).rstrip(b"=")
            if standard.startswith(text):
                found.append(Recognised(digest, coding, 8.0 * len(digest.value)))
                continue
            if not digest.cut:
                continue
            same = len(commonprefix((standard, text)))
            # A cut digest ends where the run does, or at a joint: "dev/l6IQUjLsyHVvA6Ap/activating".
            if same >= MIN_CHARS and (same == len(run) or run[same] in _JOINTS):
                found.append(Recognised(digest, f"{_name(run[:same])}[:{same}]", 6.0 * same))
        return found

    def in_bytes(self, leaf: bytes) -> list[Recognised]:
        """Recognise a leaf of a binary container that is a digest, whole or cut to no less than eight bytes."""
        found = []
        for digest in self._starts.get(leaf[:4], ()):
            if leaf.startswith(digest.value):
                found.append(Recognised(digest, "raw", 8.0 * len(digest.value)))
            elif digest.cut and len(leaf) >= MIN_CHARS and digest.value.startswith(leaf):
                found.append(Recognised(digest, f"raw[:{len(leaf)}]", 8.0 * len(leaf)))
        return found


@dataclass(frozen=True, slots=True)
class Checksum:
    """A CRC-32 of a form: a hint at best, since one in four thousand million values has it by chance."""

    seed: int
    form: str


def checksums(seed: int, forms: Iterable[Form]) -> Iterator[tuple[bytes, Checksum]]:
    """Hex and decimal CRC-32 of the main forms of a seed, with what they are of."""
    for form in forms:
        if form.hashed > 1:
            value = zlib.crc32(form.data)
            yield f"{value:08x}".encode(), Checksum(seed, form.name)
            yield str(value).encode(), Checksum(seed, form.name)
