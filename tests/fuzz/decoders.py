"""Which decoders have a fuzzer, and how to start one."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def names() -> list[str]:
    """The decoders that have a fuzzer: `fuzz_NAME.py` beside this file."""
    return sorted(file.stem.removeprefix("fuzz_") for file in HERE.glob("fuzz_*.py"))


def command(module: str, *bounds: str) -> list[str]:
    """The command line that fuzzes one module, in a process of its own: libFuzzer ends the process it runs in."""
    return [sys.executable, "-m", "tests.fuzz", "--here", module, *bounds]
