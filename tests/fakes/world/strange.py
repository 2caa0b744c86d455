"""SMS from strangers that are no plain texts, or lie: what comes through the air, and what is to be shown.

A stranger's name is of its own: whatever is shown of it is shown for this one SMS.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from sayso.phone.core.sms.alphabet import segments
from sayso.phone.core.sms.assembly import GAP
from sayso.phone.core.texts import Word
from tests.fakes.modem import Sms
from tests.fakes.world.air import Piece

_PUSH_PORTS: Final = bytes([6, 5, 4, 0x0B, 0x84, 0x23, 0xF0])
_MMS: Final = b"\xbe"
_MMS_BY_NAME: Final = b"application/vnd.wap.mms-message\x00"
_SERVICE_LOADING: Final = b"\xb0"
_ESCAPE, _ESCAPE_SHOWN = 0x1B, "\u00b9"
_FAR_S: Final = 7200.0
_WORDS: Final = {1: "\u0131ş\u0131k şehir Ğ", 2: "camión Á", 3: "ação ê", 6: "नमस्ते"}
"""Texts that need the national tables of a language."""


@dataclass(frozen=True)
class Strange:
    """What comes, and what is to be shown of it."""

    pieces: list[Piece]
    texts: list[str | None]
    """Of each row; None: whatever could be read."""
    words: frozenset[Word | None]


class Stranger:
    """Somebody with a name of his own."""

    def __init__(self, name: str, to: str, *, serial: int, at: float, random: Random) -> None:
        self._plain = Piece(Sms(name, to, ""), serial, "", at)
        self._name = name
        self._random = random

    def text(self) -> Strange:
        """A plain one; sometimes an empty one."""
        return self._shown(f"hello from {self._name}" if self._random.random() < 0.8 else "")

    def flash(self) -> Strange:
        """To be shown at once and not kept."""
        piece = replace(self._plain, text="look at once", flash=True)
        return Strange([piece], [piece.text], frozenset({Word.FLASH_SMS}))

    def data(self) -> Strange:
        """Something for a program."""
        headers = (b"", _PUSH_PORTS, bytes([4, 4, 2, 0x23, 0x24]))
        piece = replace(self._plain, data=b"\x01\x02\x03\xff", header=self._random.choice(headers))
        return Strange([piece], [""], frozenset({Word.BINARY_SMS}))

    def picture(self) -> Strange:
        """The notice of a picture message, as one operator's gateway or another writes it."""
        subject, field = self._random.choice(
            [
                ("Holiday", b"Holiday\x00"),
                ("Grüße", b"\x08\xea" + "Grüße".encode()),
                ("Gr\ufffd\ufffd\ufffd\ufffde", b"\x0a\x01\x04" + "Grüße\x00".encode()),  # said to be ISO 8859-1
                ("quoted", b"\x7fquoted\x00"),
                ("long " * 12, b"\x1f\x3e\xea" + b"long " * 12 + b"\x00"),
            ]
        )
        address = b"\x80" + f"{self._name}/TYPE=PLMN".encode() + b"\x00"
        sender = self._random.choice([b"\x89" + bytes([len(address)]) + address, b"\x89\x01\x81"])
        extra = [b"\x8d\x92", b"\x8e\x02\x30\x39", b"\x8e\x09" + bytes(9), b"X-Mms-Foo\x00bar\x00", b"\x8a\x80"]
        fields = [
            b"\x98T1\x00",
            sender,
            b"\x96" + field,
            *self._random.sample(extra, 3),
            b"\x83http://mms.example/1\x00",
        ]
        push = self._push(self._random.choice([_MMS, _MMS_BY_NAME]), b"\x8c\x82" + b"".join(fields))
        piece = replace(self._plain, data=push, header=self._random.choice([b"", _PUSH_PORTS]))
        return Strange([piece], [subject], frozenset({Word.MMS_NOTICE}))

    def other_push(self) -> Strange:
        """A push about something else, or a picture's delivery report, or lengths without an end."""
        data = self._random.choice(
            [
                self._push(_SERVICE_LOADING, b"\x01\x02"),
                self._push(_MMS, b"\x8c\x86\x98T1\x00"),
                self._push(_MMS, b"\x8c\x82\x96no end"),
                b"\x00\x07\x01\xbe",
                b"\x00\x06\xff\xff\xff\xff\xff\xff",
            ]
        )
        return Strange([replace(self._plain, data=data, header=_PUSH_PORTS)], [""], frozenset({Word.BINARY_SMS}))

    def torn_push(self) -> Strange:
        """A picture's notice that ends somewhere."""
        whole = self.picture()
        data = whole.pieces[0].data[: self._random.randrange(2, len(whole.pieces[0].data))]
        piece = replace(whole.pieces[0], data=data)
        return Strange([piece], [None], frozenset({Word.MMS_NOTICE, Word.BINARY_SMS}))

    def national(self) -> Strange:
        """A text by a country's own letters, which Gammu reads by the default ones."""
        language = self._random.choice(list(_WORDS))
        text = _WORDS[language]
        tables = segments(text, languages=[language]).tables
        header = bytes([0x25, 1, tables.locking] if tables.locking else []) + bytes(
            [0x24, 1, tables.single] if tables.single else []
        )
        septets = text.encode(f"gsm23.038-{tables.locking}-{tables.single}")
        piece = replace(self._plain, text=_by_default(septets), header=bytes([len(header)]) + header)
        return Strange([piece], [text], frozenset({None}))

    def lies(self) -> Strange:
        """Its header lies about its lengths, or about which part it is: it stands for itself."""
        header = self._random.choice(
            [
                bytes([9, 0, 3, 1, 2, 1]),
                bytes([3, 0, 3, 1]),
                bytes([3, 0, 9, 1]),
                bytes([4, 0, 2, 1, 2]),
                bytes([5, 0, 3, 1, 2, 3]),
                bytes([5, 0, 3, 1, 0, 0]),
                bytes([1, 0]),
                bytes([6, 0x70, 1, 7, 0x24, 1, 99]),
                bytes([3, 0x25, 1, 99]),
            ]
        )
        piece = replace(self._plain, text="which part is it", header=header)
        return Strange([piece], [piece.text], frozenset({None}))

    def gap(self) -> Strange:
        """Parts that never come."""
        parts = self._parts(["one ", "two ", "three ", "four"], reference=self._random.randrange(256))
        missing = set(self._random.sample(range(4), self._random.randint(1, 3)))
        kept = [part for at, part in enumerate(parts) if at not in missing]
        shown = "".join(GAP if at in missing else part.text for at, part in enumerate(parts))
        while GAP + GAP in shown:
            shown = shown.replace(GAP + GAP, GAP)
        return Strange(self._mixed(kept), [shown], frozenset({Word.INCOMPLETE_SMS}))

    def wide(self) -> Strange:
        """A set with a reference of two octets, one part of it twice, in any order; flash, or not."""
        flash = self._random.random() < 0.5
        parts = self._parts(["one ", "two ", "three"], reference=self._random.randrange(2**16), wide=True)
        parts = [replace(part, flash=flash) for part in [*parts, self._random.choice(parts)]]
        word = Word.FLASH_SMS if flash else None
        return Strange(self._mixed(parts), ["one two three"], frozenset({word}))

    def picture_in_parts(self) -> Strange:
        """A picture's notice that does not fit into one SMS."""
        whole = self.picture()
        data, half = whole.pieces[0].data, len(whole.pieces[0].data) // 2
        parts = self._parts(["", ""], reference=5, more=_PUSH_PORTS[1:])
        parts = [replace(parts[0], data=data[:half]), replace(parts[1], data=data[half:])]
        return Strange(self._mixed(parts), whole.texts, whole.words)

    def two_sets(self) -> Strange:
        """Two sets under one reference, hours apart, mixed, and of either a part may be late for ever."""
        early = self._parts(["early one, ", "early two"], reference=9)
        late = [replace(part, at=part.at + _FAR_S) for part in self._parts(["late one, ", "late two"], reference=9)]
        return Strange(self._mixed([*early, *late]), ["early one, early two", "late one, late two"], frozenset({None}))

    def two_halves(self) -> Strange:
        """The first part of one set and the second of another, hours apart, under one reference: they are not one."""
        early = self._parts(["early one, ", "early two"], reference=9)[1]
        late = replace(self._parts(["late one, ", "late two"], reference=9)[0], at=self._plain.at + _FAR_S)
        words = frozenset({Word.INCOMPLETE_SMS})
        return Strange(self._mixed([early, late]), [f"{GAP}early two", f"late one, {GAP}"], words)

    def clock(self) -> Strange:
        """Its time stamp cannot be."""
        found = self._shown(f"when was {self._name}")
        found.pieces[0] = replace(found.pieces[0], at=self._random.choice([0.0, -5.0, 86_400.0, self._plain.at * 2]))
        return found

    def _shown(self, text: str) -> Strange:
        return Strange([replace(self._plain, text=text)], [text], frozenset({None}))

    def _parts(self, texts: list[str], *, reference: int, wide: bool = False, more: bytes = b"") -> list[Piece]:
        parts = []
        for number, text in enumerate(texts, start=1):
            counts = bytes([len(texts), number])
            element = bytes([8, 4, *reference.to_bytes(2, "big")]) if wide else bytes([0, 3, reference])
            header = element + counts + more
            part = replace(self._plain, text=text, number=number, total=len(texts), reference=reference)
            parts.append(replace(part, header=bytes([len(header)]) + header))
        return parts

    def _mixed(self, parts: list[Piece]) -> list[Piece]:
        return self._random.sample(parts, len(parts))

    def _push(self, kind: bytes, body: bytes) -> bytes:
        return b"\x00\x06" + bytes([len(kind)]) + kind + body


PLAIN: Final[tuple[Callable[[Stranger], Strange], ...]] = (Stranger.text,)
WHOLE: Final = (*PLAIN, Stranger.flash, Stranger.data, Stranger.picture, Stranger.other_push, Stranger.torn_push)
RAW: Final = (
    *WHOLE,
    Stranger.national,
    Stranger.lies,
    Stranger.gap,
    Stranger.wide,
    Stranger.picture_in_parts,
    Stranger.two_sets,
    Stranger.two_halves,
    Stranger.clock,
)


def _by_default(septets: bytes) -> str:
    """Read septets as Gammu does, by the default tables; an escape that they lack it shows as a sign."""
    shown = ""
    rest = iter(septets)
    for septet in rest:
        if septet != _ESCAPE:
            shown += bytes([septet]).decode("gsm23.038-0-0")
            continue
        following = next(rest)
        try:
            shown += bytes([_ESCAPE, following]).decode("gsm23.038-0-0")
        except UnicodeDecodeError:
            shown += _ESCAPE_SHOWN + bytes([following]).decode("gsm23.038-0-0")
    return shown
