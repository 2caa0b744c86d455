"""A hostile app knows that it is watched: small bodies that would become huge, or would never end.

Whatever comes, the audit ends in bounded time and memory, finds what lies before the bound, and lists the rest as not
seen into: the verdict is never "clean".
"""

import base64
import gzip
import json
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import brotli
import pytest
import zstandard

from sayso.audit.core.decode.budget import Bounds
from sayso.audit.core.policy import Outcome, outcome
from tests.fakes.audit_world import exchange, scanner

ROOT = Path(__file__).resolve().parents[2]
IMEI = b"490154203237518"
ZEROS = bytes(40 * 1024 * 1024)
SMALL = Bounds(view_bytes=1 << 20, exchange_bytes=4 << 20)


def nested_gzip(layers: int) -> bytes:
    data = b"\x00" * 10_000_000
    for _ in range(layers):
        data = gzip.compress(data)
    return data


BOMBS: dict[str, Callable[[], bytes]] = {
    "gzip": lambda: gzip.compress(IMEI + ZEROS),
    "zlib": lambda: zlib.compress(IMEI + ZEROS),
    "brotli": lambda: brotli.compress(IMEI + b" readable " + ZEROS, quality=5),
    "zstd": lambda: zstandard.compress(IMEI + ZEROS),
    "gzip in base64": lambda: base64.b64encode(gzip.compress(IMEI + ZEROS)),
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_lies_before_the_bound_is_found_and_the_rest_is_told(name: str) -> None:
    made = scanner(bounds=SMALL)
    made.feed(exchange(BOMBS[name]()))
    report = made.report()
    assert {one.seed for one in report.findings} == {"imei"}
    assert any("decoding stopped at its bound" in one.reason for one in report.not_seen_into)


def test_a_bomb_without_a_seed_is_not_clean() -> None:
    made = scanner(bounds=SMALL)
    made.feed(exchange(gzip.compress(ZEROS)))
    assert outcome(made.report()) is Outcome.NOT_ALL_SEEN


def test_a_quine_and_nested_layers_end() -> None:
    made = scanner(bounds=SMALL)
    made.feed(exchange(nested_gzip(12)))
    made.feed(exchange(b"%25" * 100_000 + b"41"))
    made.feed(exchange(b"\\" * 200_000))
    made.feed(exchange(b"&amp;" * 50_000))
    assert made.report().stats.exchanges == 4


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 500_000,
        b'{"a":' * 200_000,
        b"\x91" * 500_000,
        b"\x0a" + b"\xff\xff\xff\xff\x0f" * 50_000,
        b"=?utf-8?B?" * 50_000,
        b"A" * 1_000_000,
        b"Aa0" * 300_000,
        b"0123456789abcdef" * 60_000,
        b"a-b_c/d+" * 100_000,
        b"=41" * 300_000,
        b"a=b&" * 200_000,
        (b"A" * 76 + b"\n") * 10_000,
        b"490154203237518 " * 50_000,
        json.dumps(["x" * 100] * 5_000).encode(),
    ],
    ids=range(14),
)
def test_nothing_takes_more_than_seconds(data: bytes) -> None:
    made = scanner()
    started = time.process_time()
    made.feed(exchange(data))
    assert time.process_time() - started < 10


def test_time_is_a_bound_of_its_own() -> None:
    """A clock that runs a second each time it is read: the decoding stops at ten."""
    made = scanner(tick=1.0)
    made.feed(exchange(b"".join(b"&#%d;" % number for number in range(3_000)) + b" ".join(_tokens())))
    assert any("(time)" in one.reason for one in made.report().not_seen_into)


def _tokens() -> list[bytes]:
    return [base64.b64encode(b"a readable token %d" % number) for number in range(2_000)]


@pytest.mark.slow
def test_a_line_of_100_megabytes_takes_less_than_512() -> None:
    program = """
import sys
from pathlib import Path
from tests.fakes.audit_world import exchange, scanner
made = scanner()
line = b"x" * (50 * 1024 * 1024) + b"&imei=490154203237518&" + b"y=1&" * (12 * 1024 * 1024)
made.feed(exchange(line))
assert {one.seed for one in made.report().findings} == {"imei"}
# Not `ru_maxrss`, which begins with what the process had that started this one.
peak = next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
sys.stdout.write(str(int(peak) // 1024))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=300, check=True
    )
    assert int(done.stdout) < 512
