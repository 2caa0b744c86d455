"""Which decoders have a fuzzer, and how to start one."""

import sys
from pathlib import Path
from typing import Final

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


GROUND: Final = "ground"
"""The part whose decoders every other part uses."""
PARTS: Final = {
    "server": {"smpp", "enrolled_set", "tokens", "proofs", "pages", "nonces", "callbacks"},
    "delivery": {"modem", "sms"},
    "app": {"vcard", "web_bodies"},
    "audit": {"audit_captures", "audit_decode", "audit_files"},
    "update": {"update"},
}
"""The decoders of the later parts; those that are not named here are the ground floor's."""


def names(part: str | None = None) -> list[str]:
    """The decoders that have a fuzzer, `fuzz_NAME.py` beside this file: all, or those of a part."""
    found = {file.stem.removeprefix("fuzz_") for file in HERE.glob("fuzz_*.py")}
    if part is None:
        return sorted(found)
    return sorted(found.difference(*PARTS.values()) if part == GROUND else PARTS[part])


def command(module: str, *bounds: str) -> list[str]:
    """The command line that fuzzes one module, in a process of its own: libFuzzer ends the process it runs in."""
    return [sys.executable, "-m", "tests.fuzz", "--here", module, *bounds]
