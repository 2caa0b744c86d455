"""Generate the auditor's reference pages: the schema of its JSON report, and every encoding with the chain it gives."""

import json
from collections.abc import Iterator, Mapping

from sayso.audit.core.decode.tokens import ALPHABETS
from sayso.audit.core.digests import ALGORITHMS, COMMON
from sayso.audit.core.forms import expand
from sayso.audit.core.seed_types import ALIASES, Seed, SeedType
from sayso.audit.report.json_report import schema
from tests.contract.audit_cases import CONTAINERS, DIGEST_CONTAINERS, ENCODINGS, WRITINGS, cases
from tests.fakes.audit_world import SEEDS

GENERATED = "<!-- Generated from the source and the tests' cases by `make docs`. -->"
SHOWN = 56
LABELS = {
    "plaintext": "no digest and no base64; escapes (`url`, `json`, `html`) may come first",
    "base64": "`base64` or `base64url`, no digest",
    "md5": "ends in `md5`",
    "sha1": "ends in `sha1`",
    "sha256": "ends in `sha256`",
    "sha256ofmd5": "ends in `sha256` > `md5`: the SHA-256 of the MD5's hex digits",
    "base64ofsha1": "begins with `base64` or `base64url`, ends in `sha1`",
    "two labels joined by _": "a chain for each",
}


def pages() -> Mapping[str, str]:
    """Path below the repository to text."""
    return {
        "docs/reference/audit-report.schema.json": json.dumps(schema(), indent=1, ensure_ascii=False) + "\n",
        "docs/reference/audit-encodings.md": "\n".join(_encodings()) + "\n",
    }


def _cell(data: bytes) -> str:
    text = data[:SHOWN].decode("ascii", "backslashreplace").replace("\\", "\\\\").replace("|", "\\|").replace("`", "'")
    shown = "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in text)
    return f"`{shown}{'...' if len(data) > SHOWN else ''}`"


def _chain(steps: tuple[str, ...]) -> str:
    return " > ".join(f"`{step}`" for step in steps) or "(none)"


def _encodings() -> Iterator[str]:
    imei = next(seed for seed in SEEDS if seed.type is SeedType.IMEI)
    plain = imei.value.encode()
    yield from (GENERATED, "", "# What the auditor finds, however it is wrapped", "")
    yield "Every row is a case of `tests/contract/test_audit_encodings.py`: for each of the seed types below, in each"
    yield "container, the value is found through a chain with these steps, and the value with one sign changed is not."
    total = sum(1 for seed in SEEDS for _ in cases(seed))
    yield "Each case is an exchange of a HAR, a flow file or a packet capture, scanned as yours would be."
    yield f"With the near misses these are {total:,} cases. The example is the IMEI `490154203237518`."
    yield from ("", "## Encodings", "", "| Encoding | Example | Steps in the chain |", "|---|---|---|")
    for encoding in ENCODINGS:
        example = encoding.name if encoding.binary else _cell(encoding.apply(plain))
        yield f"| {encoding.name} | {example if example != encoding.name else '(bytes)'} | {_chain(encoding.steps)} |"
    alphabets = ", ".join(f"`{name}`" for name in ALPHABETS)
    yield from ("", f"Beyond the table: base64 in the alphabets {alphabets};")
    yield "ascii85, base85, hex with spaces, colons or `0x`,"
    yield "lists of bytes as numbers, signed or not (`codes`), and of digits (`digits`), `lz-string`,"
    yield "JavaScript's `%u0040`, encoded words of mail headers, base64 wrapped into lines, labels of DNS names"
    yield "(`dns-labels`), values cut over several fields (`split`), members of ZIP archives (`zip`),"
    yield "hex in pairs such as `4B:88:15` (`pairs`), and plug-ins under their own names."
    yield from ("", "## Containers", "", "| Container | Bytes in it | Digests tested in it |", "|---|---|---|")
    for container in CONTAINERS:
        digest = "yes" if container.name in DIGEST_CONTAINERS else ""
        yield f"| {container.name} | {'yes' if container.binary else ''} | {digest} |"
    yield from ("", "## Digests", "", "Algorithms: " + ", ".join(f"`{name}`" for name in ALGORITHMS) + ";")
    common = ", ".join(f"`{name}`" for name in COMMON)
    yield f"`crc32` as a hint. Salted and keyed ones ({common}) with the seeds file's"
    yield "salts and keys: `sha256.salted`, `hmac-sha256`. Two ids of a phone digested together: `md5.joined`."
    yield "UUIDs made from names (RFC 9562; Java's `nameUUIDFromBytes`), with any of the four namespaces or none:"
    yield "`md5.uuid3`, `sha1.uuid5`."
    yield "Digests of digests name both, outer first; hex in lower case"
    yield "between them goes without saying (`sha256` > `md5` is of the hex, `sha256` > `raw` > `md5` of the bytes)."
    yield f"Three times over with one algorithm: {common}."
    yield from ("", "| Written as | First steps of the chain |", "|---|---|")
    for writing, (_, steps, _) in WRITINGS.items():
        yield f"| {writing} | {_chain(steps)} |"
    yield "| middle of an MD5 | `hex[8:24]` |"
    yield "| UUID | `uuid` |"
    yield from ("", "A cut at any length from 8 characters on is named, as in `hex[:20]`.")
    yield from (
        "",
        "## Labels of others",
        "",
        "Labelled traffic of the CoNEXT'21 study of leaks from web forms, and the chains that agree:",
        "",
    )
    yield from ("| Label | Chain |", "|---|---|", *(f"| `{label}` | {meant} |" for label, meant in LABELS.items()))
    yield from ("", "## Seed types and their forms", "", "| Type | Also written | Forms |", "|---|---|---|")
    for kind in SeedType:
        also = ", ".join(f"`{name}`" for name, meant in ALIASES.items() if meant is kind)
        seed = next(one for one in SEEDS if one.type is kind)
        yield f"| `{kind.value}` | {also} | {_forms(seed)} |"


def _forms(seed: Seed) -> str:
    return ", ".join(f"`{name}`" for name in dict.fromkeys(form.name for form in expand(seed)))
