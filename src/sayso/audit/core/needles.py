"""What the matchers look for: every form, and the forms as they look when they were encoded where no token shows it."""

import base64
import codecs
import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sayso.audit.core.decode.tokens import ALPHABETS, STANDARD
from sayso.audit.core.digests import ALGORITHMS
from sayso.audit.core.forms import Form

MIN_TRIGGER = 7
"""Forms shorter than this give base64 that is met by chance."""
MIN_XORED = 8
MIN_DISTINCT = 4
"""An XOR pattern with fewer different steps is met in padding."""
_BASE58 = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


class Kind(enum.Enum):
    """What a matched pattern means."""

    FORM = "form"
    WRAPPED = "wrapped"
    """The whole form in another coding; the chain is known at once."""
    TRIGGER = "trigger"
    """Base64 of the form lies here: decode the run around, and find out."""
    DIGEST = "digest"
    """The first bytes of a raw digest."""


@dataclass(frozen=True, slots=True)
class Target:
    """What one pattern stands for."""

    kind: Kind
    seed: int
    form: Form
    coding: str = ""
    """Of WRAPPED the coding, of TRIGGER the alphabet, of DIGEST the algorithm."""
    lead: int = 0
    """Of TRIGGER: signs between the start of a group of four and the pattern."""
    exact: bytes = field(default=b"", repr=False)
    """Of DIGEST: all of it. Of WRAPPED: the spelling with its case."""


@dataclass(slots=True)
class Needles:
    """Patterns of one matcher and what they stand for, in the same order."""

    patterns: list[bytes] = field(default_factory=list)
    targets: list[list[Target]] = field(default_factory=list)
    _places: dict[bytes, int] = field(default_factory=dict)

    def add(self, pattern: bytes, target: Target) -> None:
        """Take a pattern; several targets may share one."""
        if not pattern:
            return
        place = self._places.get(pattern)
        if place is None:
            place = self._places[pattern] = len(self.patterns)
            self.patterns.append(pattern)
            self.targets.append([])
        self.targets[place].append(target)


def triggers(data: bytes) -> Iterator[tuple[bytes, int]]:
    """The signs of base64 that `data` alone decides, for each place in a group of three, and their lead."""
    for offset, lead in ((0, 0), (1, 2), (2, 3)):
        whole = len(data) + offset
        encoded = base64.b64encode(bytes(offset) + data)
        sure = whole // 3 * 4
        if whole % 3 == 1:
            sure += 1
        elif whole % 3 == 2:  # noqa: PLR2004  two spare bytes decide two signs
            sure += 2
        yield encoded[lead:sure], lead


def base58(data: bytes) -> bytes:
    """Base58 in Bitcoin's alphabet."""
    number = int.from_bytes(data)
    out = bytearray()
    while number:
        number, rest = divmod(number, 58)
        out.append(_BASE58[rest])
    return bytes(out[::-1])


def other_codings(data: bytes) -> Iterator[tuple[str, bytes]]:
    """A whole value in codings that no token decoder undoes."""
    text = data.decode("utf-8")
    pairs = data.hex(" ").encode()
    yield "base58", base58(data)
    yield "ascii85", base64.a85encode(data)
    yield "base85", base64.b85encode(data)
    yield "rot13", codecs.encode(text, "rot13").encode()
    yield "hex.spaced", pairs
    yield "hex.colons", pairs.replace(b" ", b":")
    yield "hex.0x", b",".join(b"0x" + pair for pair in pairs.split())
    yield "codes", b",".join(b"%d" % byte for byte in data)
    yield "codes", b", ".join(b"%d" % byte for byte in data)
    if data.isdigit():
        for joint in (b",", b", "):
            yield "digits", joint.join(data[at : at + 1] for at in range(len(data)))


def text_needles(forms: Sequence[Iterable[Form]]) -> Needles:
    """Patterns for a view in lower case."""
    needles = Needles()
    for seed, several in enumerate(forms):
        for form in several:
            if form.binary:
                continue
            needles.add(form.data.lower(), Target(Kind.FORM, seed, form))
            if form.wrapped and len(form.data) >= MIN_TRIGGER:
                _add_triggers(needles, seed, form)
            if form.hashed > 1 and len(form.data) >= MIN_TRIGGER:
                for coding, spelled in other_codings(form.data):
                    if coding == "rot13" and spelled == form.data:
                        continue  # digits do not turn
                    needles.add(spelled.lower(), Target(Kind.WRAPPED, seed, form, coding, exact=spelled))
    return needles


def _add_triggers(needles: Needles, seed: int, form: Form) -> None:
    for pattern, lead in triggers(form.data):
        if len(pattern) < MIN_TRIGGER:
            continue
        needles.add(pattern.lower(), Target(Kind.TRIGGER, seed, form, "", lead))
        url = pattern.replace(b"+", b"-").replace(b"/", b"_")
        if url != pattern:
            needles.add(url.lower(), Target(Kind.TRIGGER, seed, form, "", lead))
        if form.hashed > 1:
            for name, signs in ALPHABETS.items():
                other = pattern.translate(bytes.maketrans(STANDARD, signs))
                if other != pattern:
                    needles.add(other.lower(), Target(Kind.TRIGGER, seed, form, name, lead))


def binary_needles(forms: Sequence[Iterable[Form]]) -> Needles:
    """Patterns for the bytes of a view that is not text: packed forms, and raw digests of the textual ones."""
    needles = Needles()
    for seed, several in enumerate(forms):
        for form in several:
            if form.binary:
                needles.add(form.data, Target(Kind.FORM, seed, form))
            elif form.hashed:
                for name, algorithm in ALGORITHMS.items():
                    digest = algorithm(form.data)
                    needles.add(digest[:8], Target(Kind.DIGEST, seed, form, name, exact=digest))
    return needles


def steps(data: bytes) -> bytes:
    """Each byte XOR the next: the same whatever single byte everything was XORed with."""
    if len(data) < 2:  # noqa: PLR2004  no step
        return b""
    number = int.from_bytes(data)
    return (number ^ number >> 8).to_bytes(len(data))[1:]


def xor_needles(forms: Sequence[Iterable[Form]]) -> Needles:
    """Patterns for `steps(view)`."""
    needles = Needles()
    for seed, several in enumerate(forms):
        for form in several:
            if form.hashed > 1 and len(form.data) >= MIN_XORED:
                pattern = steps(form.data)
                if len(set(pattern)) >= MIN_DISTINCT:
                    needles.add(pattern, Target(Kind.FORM, seed, form))
    return needles


def to_standard(alphabet: str) -> bytes | None:
    """The table that turns an alphabet of `ALPHABETS` into the standard one; None for the two of RFC 4648."""
    signs: Mapping[str, bytes] = ALPHABETS
    return bytes.maketrans(signs[alphabet], STANDARD) if alphabet else None
