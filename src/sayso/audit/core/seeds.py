"""The seeds file: TOML in, `SeedSet` out, and back."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from sayso.audit.core.seed_types import Secret, Seed, SeedSet, check, seed_type
from sayso.audit.errors import SeedError

MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_SEEDS = 20_000
_ID = re.compile(r"[^\x00-\x1f\x7f]{1,80}")
_TABLES = frozenset({"seed", "decoy", "salt", "key", "title", "created"})
_SEED_KEYS = frozenset({"id", "type", "value", "region", "note"})
_SECRET_KEYS = frozenset({"name", "value", "hex", "note"})


def parse(data: bytes) -> SeedSet:
    """Read a seeds file.

    Raises:
        SeedError: it is no TOML, a key is unknown or missing, a value cannot be of its type, an id occurs twice.
    """
    if len(data) > MAX_FILE_BYTES:
        raise SeedError(f"a seeds file has at most {MAX_FILE_BYTES} bytes")
    try:
        document = tomllib.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        # The parser's own message may quote the line, and the line is a seed.
        place = re.search(r"line \d+", str(error))
        raise SeedError(f"the seeds file is no TOML{f' ({place[0]})' if place else ''}") from None
    unknown = set(document) - _TABLES
    if unknown:
        raise SeedError(f"the seeds file has [[seed]], [[decoy]], [[salt]] and [[key]] tables, not {min(unknown)!r}")
    seeds = tuple(_seeds(document, "seed", decoy=False))
    decoys = tuple(_seeds(document, "decoy", decoy=True))
    if not seeds:
        raise SeedError("the seeds file has no [[seed]] table; 'sayso audit seeds new' makes one")
    if len(seeds) + len(decoys) > MAX_SEEDS:
        raise SeedError(f"at most {MAX_SEEDS} seeds and decoys")
    ids = [one.id for one in (*seeds, *decoys)]
    if len(set(ids)) != len(ids):
        twice = next(one for one in ids if ids.count(one) > 1)
        raise SeedError(f"the id {twice!r} occurs twice")
    return SeedSet(seeds, decoys, tuple(_secrets(document, "salt")), tuple(_secrets(document, "key")))


def _tables(document: Mapping[str, object], name: str, keys: frozenset[str]) -> Iterator[tuple[int, dict[str, str]]]:
    tables = document.get(name, [])
    if not isinstance(tables, list):
        raise SeedError(f"write [[{name}]] with two brackets")
    for number, table in enumerate(tables, 1):
        if not isinstance(table, dict):
            raise SeedError(f"[[{name}]] number {number} is no table")
        unknown = set(table) - keys
        if unknown:
            raise SeedError(f"[[{name}]] number {number}: no key {min(unknown)!r}; there are {', '.join(sorted(keys))}")
        for key, value in table.items():
            if not isinstance(value, str):
                raise SeedError(f"[[{name}]] number {number}: put {key} in quotes")
        yield number, table


def _seeds(document: Mapping[str, object], name: str, *, decoy: bool) -> Iterator[Seed]:
    for number, table in _tables(document, name, _SEED_KEYS):
        for key in ("type", "value"):
            if key not in table:
                raise SeedError(f"[[{name}]] number {number} has no {key}")
        kind = seed_type(table["type"])
        given = table.get("id", f"{name}-{number}-{kind.value}")
        if not _ID.fullmatch(given):
            raise SeedError(
                f"[[{name}]] number {number}: an id has 1 to 80 characters, none of them a control character"
            )
        region = table.get("region", "").upper()
        if region and not re.fullmatch(r"[A-Z]{2}", region):
            raise SeedError(f"seed {given!r}: a region is a country's two letters, as in 'GB'")
        yield check(Seed(given, kind, table["value"], region, decoy))


def _secrets(document: Mapping[str, object], name: str) -> Iterator[Secret]:
    for number, table in _tables(document, name, _SECRET_KEYS):
        if ("value" in table) == ("hex" in table):
            raise SeedError(f"[[{name}]] number {number} needs either value (text) or hex")
        try:
            value = table["value"].encode() if "value" in table else bytes.fromhex(table["hex"])
        except (ValueError, UnicodeEncodeError):
            raise SeedError(f"[[{name}]] number {number} is neither hex nor text") from None
        yield Secret(table.get("name", f"{name}-{number}"), value)


def _quoted(value: str) -> str:
    escaped = "".join(
        f"\\u{ord(sign):04x}" if ord(sign) < 32 or ord(sign) == 127 else {"\\": "\\\\", '"': '\\"'}.get(sign, sign)  # noqa: PLR2004  TOML's control characters
        for sign in value
    )
    return f'"{escaped}"'


def _table(name: str, seed: Seed) -> str:
    lines = [f"[[{name}]]", f"id = {_quoted(seed.id)}", f"type = {_quoted(seed.type.value)}"]
    lines.append(f"value = {_quoted(seed.value)}")
    if seed.region:
        lines.append(f"region = {_quoted(seed.region)}")
    return "\n".join(lines)


def render(seeds: Sequence[Seed], decoys: Iterable[Seed] = (), *, comment: str = "") -> str:
    """Write a seeds file that `parse` reads back."""
    head = [f"# {line}" for line in comment.splitlines()]
    tables = [_table("seed", one) for one in seeds] + [_table("decoy", one) for one in decoys]
    return "\n".join(head) + ("\n\n" if head else "") + "\n\n".join(tables) + "\n"
