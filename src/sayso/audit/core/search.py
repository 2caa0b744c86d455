"""The search: a view is matched, cut into tokens, decoded into further views, each of them searched the same way.

    view --match---> forms, raw digests, one-byte XOR, triggers of base64    (core.matching)
      |----tokens--> digests; base64, base32, hex, lz-string --> views       (core.token_search)
      |----escapes-> percent, JSON, HTML, quoted-printable   --> views
      `----binary--> compressed, containers, plug-ins        --> views

What was searched once is remembered: no view and no token is decoded twice. Most tokens of real traffic are names and
random ids that recur; remembering that nothing is in them is what makes the search fast.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from sayso.audit.core.decode import binary, compressed, lzstring, text, tokens
from sayso.audit.core.decode.budget import Budget
from sayso.audit.core.digests import Checksum, DigestIndex
from sayso.audit.core.foreign import Decoder, Engine
from sayso.audit.core.forms import Form
from sayso.audit.core.hits import ESCAPES, Hit, key_before
from sayso.audit.core.matching import Matching
from sayso.audit.core.opacity import MIN_OPAQUE_TOKEN, is_dense, is_media, is_opaque
from sayso.audit.core.split import MIN_PIECE
from sayso.audit.core.token_search import TokenSearch

_Remembered = tuple[int, tuple[Hit, ...], int, bool]
"""(depth, what was found, opaque bytes, whether a piece was met)"""
_Waiting = tuple[bytes, str, bytes]
"""(token, step, what it decodes to)"""
NOTHING: _Remembered = (0, (), 0, False)
REMEMBER_VIEW = 256
"""Views up to this size are remembered as they are, larger ones by a digest: the same script comes on every page."""
REMEMBERED_VIEWS = 20_000
REMEMBERED_TOKENS = 300_000
WINDOW = 8 * 1024 * 1024
"""Bytes that are searched at once."""
OVERLAP = 4096
SHORT = 4096
"""Texts up to this size may be looked at together, so many bytes of them at once as `TOGETHER` says."""
TOGETHER = 256 * 1024
APART = b"  "
"""Between texts that are looked at together: no token, no pair of hex digits and no soft line break goes across."""
MEDIA_HEAD = 8 * 1024
"""Bytes of a picture, a sound or a film in which encodings are undone: its description stands first."""
PACKED = (compressed.GZIP, compressed.ZSTD, compressed.ZIP, *compressed.ZLIB)
SAME_IN_HEX = frozenset({"bcd", "bytes"})
"""Bytes whose hex digits are the value itself: the text was matched already, with an eye on what stands beside it."""
MAX_HITS = 2_000
"""Matches that one view may have; a file of nothing but seeds proves no more."""


class Search:
    """Finds every seed in a view and in all that can be decoded from it. Not for several threads."""

    def __init__(
        self,
        forms: Sequence[Iterable[Form]],
        index: DigestIndex,
        checksums: dict[bytes, list[Checksum]],
        engine: Engine,
        plugins: Sequence[Decoder] = (),
        pieces: frozenset[bytes] = frozenset(),
    ) -> None:
        self._matching = Matching(forms, engine)
        self._tokens = TokenSearch(index, checksums)
        self._plugins = tuple(plugins)
        # A piece counts where it is all of a token. What all of them begin with is a matcher of hundreds, not of ten
        # thousand: it is built in no time.
        self._pieces = frozenset(piece for piece in pieces if tokens.is_token(piece))
        starts = sorted({b" " + piece[:MIN_PIECE] for piece in self._pieces})
        self._piece_starts = engine.build(starts) if starts else None
        self._views: dict[bytes, _Remembered] = {}
        self._xored: dict[bytes, _Remembered] = {}
        """The same of views that were searched for XOR too: what a header holds for nothing may be found in a body."""
        self._dense: dict[bytes, int] = {}
        self.opaque_bytes = 0
        """Of the last look: bytes that nothing could decode."""
        self.met_piece = False
        """Of the last look: whether a token was a piece of a seed."""
        self._dull: set[bytes] = set()
        self._telling: dict[bytes, tuple[Hit, ...]] = {}

    def look(self, data: bytes, budget: Budget, *, coding: str = "", xor: bool = False) -> tuple[Hit, ...]:
        """Search bytes as they stood in the traffic.

        Args:
            data: the bytes.
            budget: what the decoding may cost.
            coding: a Content-Encoding that may still be on them.
            xor: whether they may be XORed although they read as text; bytes that are no text always may.
        """
        self.opaque_bytes, self.met_piece = 0, False
        if len(data) <= WINDOW:
            hits = list(self._view(data, 0, budget, xor=xor))
        else:
            hits = self._windows(data, budget, xor=xor)
        for inflated in compressed.by_name(coding, data, budget.largest) if coding else ():
            if inflated.cut:
                budget.was_cut = True
            hits += (hit.under(inflated.coding) for hit in self._view(inflated.data, 1, budget))
        return tuple(hits)

    def worth_a_look(self, several: Iterable[bytes], budget: Budget) -> set[bytes]:
        """Those of many short texts in which something may be found; `look` would find nothing in the others.

        Most headers hold nothing, and one search for all of them costs little more than for one. Whatever is in a text
        is in the joined ones too; what that search meets besides costs the texts a look of their own.
        """
        doubtful: set[bytes] = set()
        together: list[bytes] = []
        size = 0
        for data in several:
            known = self._views.get(data)
            size += len(data)
            if known is not None:
                if known[1:] != NOTHING[1:]:
                    doubtful.add(data)
            elif len(data) > SHORT or size > TOGETHER or b"%" in data or b"\\" in data or self._plugins:
                doubtful.add(data)
            else:
                together.append(data)
        if together and self._holds_piece(tokens.separate(APART.join(together))):
            pieced = [data for data in together if self._holds_piece(tokens.separate(data))]
            doubtful.update(pieced)
            together = [data for data in together if data not in doubtful]
        if not together:
            return doubtful
        if not self._is_empty(APART.join(together), budget):
            return doubtful.union(together)
        if len(self._views) >= REMEMBERED_VIEWS:
            self._views.clear()
        self._views.update((data, NOTHING) for data in together if len(data) <= REMEMBER_VIEW)
        return doubtful

    def _is_empty(self, data: bytes, budget: Budget) -> bool:
        """Whether a view holds nothing for sure, by the steps of `_view`; the first that meets something ends it."""
        if not tokens.is_text(data) or self._matching.meets_text(data) or any(text.whole_view(data)):
            return False
        self.opaque_bytes, self.met_piece = 0, False
        hits = self._in_tokens(data, 0, budget)
        return not (hits or self.opaque_bytes or self.met_piece or budget.incomplete)

    def _windows(self, data: bytes, budget: Budget, *, xor: bool) -> list[Hit]:
        """Search bytes too many for one view, piece by piece; if they are packed, what comes out of them too."""
        found: dict[Hit, None] = {}
        opaque = 0
        for start in range(0, len(data), WINDOW):
            found.update(dict.fromkeys(self._view(data[start : start + WINDOW + OVERLAP], 0, budget, xor=xor)))
            opaque += min(self.opaque_bytes, WINDOW)
            self.opaque_bytes = 0
            budget.renew()
        for inflated in compressed.by_magic(data, budget.largest) if data.startswith(PACKED) else ():
            budget.was_cut = budget.was_cut or inflated.cut
            found.update(dict.fromkeys(self._child(inflated.coding, inflated.data, 0, budget)))
        self.opaque_bytes = min(opaque, len(data))
        return list(found)

    def _view(self, data: bytes, depth: int, budget: Budget, *, xor: bool = False) -> tuple[Hit, ...]:
        known_as = data if len(data) <= REMEMBER_VIEW else hashlib.blake2b(data, digest_size=16).digest()
        views = self._xored if xor else self._views
        remembered = views.get(known_as)
        if remembered is not None and remembered[0] <= depth:
            self.opaque_bytes += remembered[2]
            self.met_piece = self.met_piece or remembered[3]
            return remembered[1]
        # What stood in the traffic is searched whatever it costs; bounds are for what decoding makes of it.
        if not data or (depth and not budget.take(len(data), depth)):
            return ()
        opaque_before, piece_before = self.opaque_bytes, self.met_piece
        self.met_piece = False
        readable = tokens.is_text(data)
        direct, decoded = self._matching.match(data, readable=readable, xor=xor)
        own: list[Hit] = direct[:MAX_HITS]
        for step, start, child in decoded:
            own += self._child(step, child, depth, budget, outer=(data, start))
        # Of a picture, words are looked for where it has some; every byte of it was matched.
        wordy = data[:MEDIA_HEAD] if not readable and len(data) > MEDIA_HEAD and is_media(data) else data
        own += self._in_tokens(wordy, depth, budget)
        inherited = []
        opened = readable
        for step, child in self._children(wordy, budget, readable=readable):
            # An escape amid random bytes is there by chance: it opens nothing, and what it gives counts but once.
            by_chance = not readable and step in ESCAPES
            opened = opened or (not by_chance and len(child) * 2 > len(data))
            opaque = self.opaque_bytes
            if hits := self._child(step, child, depth, budget):
                inherited.append(hits)
            if by_chance and self.opaque_bytes > opaque and is_dense(data):
                self.opaque_bytes = opaque
        if not opened and is_opaque(data):
            self.opaque_bytes += len(data)
        found = _fewest(own, inherited)[:MAX_HITS]
        if not budget.exhausted:
            if len(views) >= REMEMBERED_VIEWS:
                views.clear()
            views[known_as] = (depth, found, self.opaque_bytes - opaque_before, self.met_piece)
        self.met_piece = self.met_piece or piece_before
        return found

    def _child(
        self, step: str, child: bytes, depth: int, budget: Budget, *, outer: tuple[bytes, int] | None = None
    ) -> list[Hit]:
        """Search a decoded view; its matches, seen from outside. `outer`: where in which view it stood."""
        found = self._view(child, depth + 1, budget, xor=True)
        if not found:
            return []
        key = key_before(*outer) if outer else ""
        return [hit.under(step, key) for hit in found]

    def _children(self, data: bytes, budget: Budget, *, readable: bool) -> Iterator[tuple[str, bytes]]:
        """Every view that undoing one layer of the whole gives."""
        yield from text.whole_view(data, readable=readable)
        if not readable:
            yield from self._of_bytes(data, budget)
        for plugin in self._plugins:
            for child in plugin.decode(data):
                yield plugin.name, bytes(child[: budget.largest])

    def _of_bytes(self, data: bytes, budget: Budget) -> Iterator[tuple[str, bytes]]:
        largest = budget.largest
        for inflated in (*compressed.by_magic(data, largest), *compressed.by_trial(data, largest)):
            if inflated.cut:
                budget.was_cut = True
            yield inflated.coding, inflated.data
        yield from text.utf16(data)
        yield from lzstring.from_utf16(data, largest)
        yield from binary.containers(data)

    def _in_tokens(self, data: bytes, depth: int, budget: Budget) -> list[Hit]:
        hits: list[Hit] = []
        separated = tokens.separate(data)
        self.met_piece = self.met_piece or self._holds_piece(separated)
        for several in tokens.worth_a_look(separated):
            waiting: list[_Waiting] = []
            met = set(several)
            if not met.isdisjoint(self._dense):
                self.opaque_bytes += sum(self._dense[token] for token in met if token in self._dense)
            fresh = met - self._dull
            self._dull |= fresh
            for token in fresh:
                found = self._telling.get(token)
                if found is None:
                    found = self._token(token, depth, budget, waiting)
                if found:
                    self._dull.discard(token)
                    hits += _in_context(found, data, token)
            hits += self._unreadable(waiting, data, depth, budget)
            if len(self._dull) > REMEMBERED_TOKENS:
                self._dull.clear()
        return hits

    def _holds_piece(self, separated: bytes) -> bool:
        """Whether one of the tokens is a piece of a seed."""
        found = self._piece_starts.find(separated) if self._piece_starts is not None else ()
        return any(separated[start + 1 : separated.find(b" ", start + 1)] in self._pieces for _, start, _ in found)

    def _token(self, token: bytes, depth: int, budget: Budget, waiting: list[_Waiting]) -> tuple[Hit, ...]:
        """Search one token that was not met before; what it decodes to and is no text is left `waiting`."""
        hits = self._tokens.digests(token) if self._tokens.may_be_digest(token) else []
        if len(token) >= tokens.MIN_BASE64 and (not hits or all(hit.hint for hit in hits)):
            for step, child in self._tokens.decoded(token, budget.bounds.view_bytes):
                if tokens.is_text(child):
                    hits += self._child(step, child, depth, budget)
                else:
                    waiting.append((token, step, child))
                    if len(child) >= MIN_OPAQUE_TOKEN and is_dense(child) and not is_media(child):
                        self._dense[token] = len(child)
                        self.opaque_bytes += len(child)
        return self._remember(token, _fewest(hits, []), budget)

    def _remember(self, token: bytes, found: tuple[Hit, ...], budget: Budget) -> tuple[Hit, ...]:
        if budget.exhausted:
            self._dull.discard(token)
        elif found:
            if len(self._telling) >= REMEMBERED_VIEWS:
                self._telling.clear()
            self._telling[token] = found
            self._dull.discard(token)
        return found

    def _unreadable(self, waiting: list[_Waiting], data: bytes, depth: int, budget: Budget) -> list[Hit]:
        """Tokens that decoded to bytes: most are random ids, so all of them are looked at together first."""
        if not waiting or not self._matching.may_hold(tuple(child for _, _, child in waiting)):
            return []
        hits: list[Hit] = []
        for token, step, child in waiting:
            if self._matching.is_interesting(child):
                several = self._child(step, child, depth, budget)
                found = tuple(hit for hit in several if not (step == "hex" and hit.chain[1] in SAME_IN_HEX))
                known = self._telling.get(token, ())
                if found and found != known:
                    self._remember(token, known + found, budget)
                    hits += _in_context(found, data, token)
        return hits


def _in_context(found: Sequence[Hit], data: bytes, token: bytes) -> list[Hit]:
    """Matches in a token, seen from the view that it stands in."""
    at = data.find(token)
    key = key_before(data, at)
    # A digest is all of its token: show what stands around it.
    return [hit.within(data, at) if hit.marked is token else hit.under("", key) for hit in found]


def _fewest(own: Sequence[Hit], inherited: Sequence[Sequence[Hit]]) -> tuple[Hit, ...]:
    """Drop what a decoded view repeats of the view it was decoded from: the shortest chain is the true one."""
    if not inherited:
        return tuple(own)
    kept = list(own)
    counts = Counter((hit.seed, hit.chain) for hit in kept)
    best = Counter(counts)
    for several in inherited:
        inner: Counter[tuple[int, tuple[str, ...]]] = Counter()
        for hit in several:
            tail = (hit.seed, hit.chain[1:])
            inner[tail] += 1
            if inner[tail] > best[tail]:
                best[tail] = inner[tail]
                kept.append(hit)
    return tuple(kept)
