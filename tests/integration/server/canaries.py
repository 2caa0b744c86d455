"""Canaries: values that must not be found anywhere on the server's side, and the search for them in every form.

Two searches. `Sweep` knows the patterns that the auditor makes of a seed (its forms, base64 and hex at each alignment,
other codings, one-byte XOR, digests and digests of digests), and finds them in any bytes, memory included. `unpacked`
is the auditor itself: it also undoes what wraps them, and the contacts are looked for in each layer that it comes to.

Thousands of contacts are looked for in the same encodings, in another way (contact_index.py).
"""

import base64
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from ahocorasick_rs import BytesAhoCorasick

from sayso.audit.adapters.aho_corasick import AhoCorasickEngine, AhoCorasickMatcher
from sayso.audit.core.digests import MD5_BYTES, digests_of
from sayso.audit.core.findings import Certainty
from sayso.audit.core.forms import Form, expand
from sayso.audit.core.model import Direction, Exchange, Field, Peer, Place
from sayso.audit.core.needles import other_codings, steps, triggers
from sayso.audit.core.scanner import Scanner
from sayso.audit.core.seed_types import Seed, SeedSet, SeedType, check
from tests.integration.server.contact_index import Contacts, written_out

MIN_BYTES: Final = 6
MIN_SIGNS: Final = 9
"""What chance writes into a gigabyte proves nothing: shorter patterns are left out, and each seed has longer ones."""
_DIGEST_BYTES: Final = 8
_SLICE: Final = 16 * 1024 * 1024
_OVERLAP: Final = 4096
_TOGETHER: Final = 1024 * 1024
_BETWEEN: Final = b"\0\xff" * 8


class Sweep:
    """Finds canaries in bytes."""

    def __init__(self, seeds: Sequence[Seed], contacts: Contacts) -> None:
        """Make the patterns of a few seeds, of any type."""
        self.contacts: Final = contacts
        self._any_case: defaultdict[bytes, set[str]] = defaultdict(set)
        self._exact: defaultdict[bytes, set[str]] = defaultdict(set)
        self._xored: defaultdict[bytes, set[str]] = defaultdict(set)
        for seed in seeds:
            self._add_seed(seed)
        self._matchers = [
            (list(patterns.values()), BytesAhoCorasick(list(patterns)), look)
            for patterns, look in (
                (self._any_case, bytes.lower),
                (self._exact, bytes),
                (self._xored, steps),
            )
            if patterns
        ]

    def find(self, data: bytes) -> set[str]:
        """Return what is found, as `seed: encoding`."""
        found: set[str] = set()
        for start in range(0, max(len(data), 1), _SLICE):
            piece = data[start : start + _SLICE + _OVERLAP]
            for view in (piece, *written_out(piece)):
                for names, matcher, look in self._matchers:
                    for number, _, _ in matcher.find_matches_as_indexes(look(view), overlapping=True):
                        found |= names[number]
                found |= self.contacts.in_view(view)
            found |= self.contacts.xored(piece)
        return found

    def everywhere(self, places: Mapping[str, bytes]) -> dict[str, set[str]]:
        """Return what is found in which place; places without are left out."""
        found = {place: self.find(data) for place, data in places.items()}
        return {place: several for place, several in found.items() if several}

    def _add_seed(self, seed: Seed) -> None:
        forms = [form for form in expand(seed) if not form.part]
        forms = [form for form in forms if len(form.data) >= (MIN_BYTES if form.binary else MIN_SIGNS)]
        for form in forms:
            name = f"{seed.id}: {form.name}"
            if form.binary:
                self._exact[form.data].add(name)
                continue
            self._any_case[form.data.lower()].add(name)
            self._add_codings(form, name)
        for digest in digests_of(0, expand(seed)):
            name = f"{seed.id}: {'/'.join(digest.chain)} of {digest.form}"
            self._add_digest(digest.value, name)
            if len(digest.value) == MD5_BYTES:
                self._add_digest(digest.value[MD5_BYTES // 4 :], f"{name}, its middle")

    def _add_codings(self, form: Form, name: str) -> None:
        for pattern, _ in triggers(form.data):
            self._exact[pattern].add(f"{name}, base64")
            self._exact[pattern.replace(b"+", b"-").replace(b"/", b"_")].add(f"{name}, base64url")
        self._any_case[form.data.hex().encode()].add(f"{name}, hex")
        for text in ("utf-16-le", "utf-16-be"):
            self._exact[form.data.decode().encode(text)].add(f"{name}, {text}")
        self._exact[form.data[::-1]].add(f"{name}, reversed")
        for coding, spelled in other_codings(form.data):
            if spelled != form.data:
                self._exact[spelled].add(f"{name}, {coding}")
        if len(set(steps(form.data))) > 4:
            self._xored[steps(form.data)].add(f"{name}, xor")

    def _add_digest(self, digest: bytes, name: str) -> None:
        self._exact[digest[:_DIGEST_BYTES]].add(name)
        self._any_case[digest[:_DIGEST_BYTES].hex().encode()].add(f"{name}, hex")
        text = base64.b64encode(digest)[:12]
        self._exact[text].add(f"{name}, base64")
        self._exact[text.replace(b"+", b"-").replace(b"/", b"_")].add(f"{name}, base64url")


class _Watching:
    """The auditor's engine; whatever is matched, after each decoding, the contacts are looked for in as well."""

    def __init__(self, contacts: Contacts) -> None:
        self._engine: Final = AhoCorasickEngine()
        self._contacts: Final = contacts
        self._waiting = bytearray()
        self._found: set[str] = set()

    def build(self, patterns: Sequence[bytes]) -> "_WatchedMatcher":
        return _WatchedMatcher(self, self._engine.build(patterns))

    def see(self, view: bytes) -> None:
        """Take a view, which may be in lower case; most are short, and are looked into together."""
        self._waiting += view + _BETWEEN
        if len(self._waiting) > _TOGETHER:
            self._look()

    def found(self) -> set[str]:
        """Return what the views held that came since the last call."""
        self._look()
        found, self._found = self._found, set()
        return found

    def _look(self) -> None:
        self._found |= self._contacts.in_view(bytes(self._waiting))
        self._waiting.clear()


class _WatchedMatcher:
    def __init__(self, watching: _Watching, matcher: AhoCorasickMatcher) -> None:
        self._watching: Final = watching
        self._matcher: Final = matcher

    def find(self, data: bytes) -> list[tuple[int, int, int]]:
        self._watching.see(data)
        return self._matcher.find(data)


def unpacked(seeds: Sequence[Seed], places: Mapping[str, bytes], contacts: Contacts) -> dict[str, set[str]]:
    """Return what is found where, whatever it is wrapped in; places without are left out.

    Args:
        seeds: what the auditor looks for.
        places: what it looks into.
        contacts: what is looked for in each layer that the auditor comes to.
    """
    found: defaultdict[str, set[str]] = defaultdict(set)
    watching = _Watching(contacts)
    scanner = Scanner(SeedSet(tuple(seeds)), engine=watching, monotonic=time.monotonic)
    for number, (place, data) in enumerate(places.items()):
        scanner.begin(place)
        field = Field(Place.BODY, "", data, Direction.SENT)
        scanner.feed(Exchange(number, None, Peer(place, "192.0.2.1", 1), "files", (field,), encrypted=False))
        if contacts_found := watching.found():
            found[place] |= contacts_found
    for finding in scanner.report().findings:
        if finding.certainty >= Certainty.LIKELY:
            found[finding.file].add(f"{finding.seed}: {'/'.join(finding.chain)}")
    return dict(found)


def fictional_numbers(count: int) -> list[str]:
    """British numbers that are reserved for drama (Ofcom): mobiles, then those of some cities."""
    ranges = ("7700900", "1134960", "1144960", "1154960", "1164960", "1174960", "1214960", "1314960")
    everything = [f"+44{start}{place:03d}" for start in ranges for place in range(1000)]
    return everything[:count]


def seeds(values: Iterable[tuple[str, SeedType, str]]) -> Iterator[Seed]:
    """Seeds of (id, type, value)."""
    for name, kind, value in values:
        yield check(Seed(name, kind, value, "GB"))


def numbered(numbers: Iterable[str]) -> list[Seed]:
    """Contacts as seeds that are called by their numbers."""
    return list(seeds((number, SeedType.CONTACT_NUMBER, number) for number in numbers))
