"""The canary sweep: after a whole life of a server nothing that its people are known by is left anywhere but with them.

The life is lived once (canary_run.py); then every file, log, metric, byte of traffic and byte of memory is searched for
every number, IMSI, IMEI, ICCID, name and text in every encoding that the auditor knows. That the search would see them
is shown by planting some, in each place and in each encoding.
"""

import asyncio
import base64
import contextlib
import fcntl
import hashlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

import msgspec
import pytest

from tests.accounting import not_tested
from tests.aio import run
from tests.fakes.recorder import Recorder
from tests.integration.server.canaries import Sweep, unpacked
from tests.integration.server.canary_run import ALICE, BY_SMS, CONTACTS, NAMES, Left, whole_life
from tests.integration.server.memory import image
from tests.integration.server.shipped import Proxy

pytestmark = pytest.mark.slow

KINDS: Final = (
    *("waiting", "at-rest", "stopped"),  # the server's directory: beside it while somebody is away, at rest, at the end
    *("log", "metrics", "kannel", "nginx", "caddy", "http", "stream", "memory"),
)
PLANTED_IN: Final = 16 * 1024
"""So much of a place stands for it when a canary is planted there."""
DIGITS: Final = ALICE[1:]
SPELLED: Final[Mapping[str, bytes]] = {
    "raw": ALICE.encode(),
    "without plus": DIGITS.encode(),
    "national": b"07700 900987",
    "national, bare": b"07700900987",
    "hex": ALICE.encode().hex().encode(),
    "HEX": DIGITS.encode().hex().upper().encode(),
    "base64": base64.b64encode(ALICE.encode()),
    "base64, one off": base64.b64encode(b"x" + ALICE.encode()),
    "base64, two off": base64.urlsafe_b64encode(b"to" + DIGITS.encode()),
    "URL": quote(ALICE).encode(),
    "reversed": DIGITS[::-1].encode(),
    "BCD": bytes.fromhex(DIGITS),
    "BCD, as on a SIM": bytes.fromhex("".join(DIGITS[at + 1] + DIGITS[at] for at in range(0, 12, 2))),
    "UTF-16": ALICE.encode("utf-16-le"),
    "XOR": bytes(byte ^ 0x5A for byte in ALICE.encode()),
    **{
        f"{name} of {what}, {how}": write(hashlib.new(name, text.encode()).digest())
        for name in ("md5", "sha1", "sha256")
        for what, text in (("+44...", ALICE), ("44...", DIGITS))
        for how, write in (
            ("raw", bytes),
            ("hex", lambda raw: raw.hex().encode()),
            ("base64", base64.b64encode),
        )
    },
    "sha256 of md5": hashlib.sha256(hashlib.md5(ALICE.encode()).hexdigest().encode()).hexdigest().encode(),  # noqa: S324
}


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Left:
    if os.geteuid() != 0:
        not_tested("the canary sweep: to read a process's memory takes root")
    if not all(Proxy(name, Path(), 0).installed() for name in ("nginx", "caddy")):
        not_tested("the canary sweep: nginx and Caddy are not installed")
    # Workers that run beside each other live it once, and the others wait for what is left.
    base, run_of_all = tmp_path_factory.getbasetemp(), os.environ.get("PYTEST_XDIST_TESTRUNUID")
    shared = base.parent / f"canary-{run_of_all}" if run_of_all else base / "canary"
    with Path(f"{shared}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not shared.exists():
            lived = run(whole_life(tmp_path_factory.mktemp("c")), patience=300)
            shared.write_bytes(msgspec.msgpack.encode(lived))
    return msgspec.msgpack.decode(shared.read_bytes(), type=Left)


@pytest.fixture(scope="module")
def sweep(left: Left) -> Sweep:
    return Sweep(left.seeds, left.contacts)


def of_kind(left: Left, kind: str) -> dict[str, bytes]:
    return {place: data for place, data in left.places.items() if place.split()[0] == kind}


def test_all_of_it_happened(left: Left) -> None:
    """And each kind of place was looked into: what is known to be there is seen."""
    assert len(left.contacts) == len(set(left.contacts)) == CONTACTS
    assert {place.split()[0] for place in left.places} == set(KINDS) == set(left.known)
    unseen = [kind for kind in KINDS if not any(left.known[kind] in data for data in of_kind(left, kind).values())]
    assert unseen == []
    names = {place.rpartition("/")[2].rpartition(" ")[2] for place in left.places}
    assert {"directory.db", "directory.db-wal", "mailbox.db", "mailbox.db-wal", "secrets", "hours"} <= names
    assert {"bearerbox.log", "smsbox.log", "bearerbox.terminal"} <= names


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "memory"])
def test_nothing_is_left(left: Left, sweep: Sweep, kind: str) -> None:
    assert sweep.everywhere(of_kind(left, kind)) == {}
    assert unpacked(left.seeds, of_kind(left, kind)) == {}


def test_nothing_is_left_in_memory(left: Left, sweep: Sweep) -> None:
    """At rest, in the server and its workers; what a stranger said in the clear is not a number that was verified."""
    found = set().union(*sweep.everywhere(of_kind(left, "memory")).values())
    assert {one for one in found if not one.startswith("stranger's number: ")} == set()


@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_canary_is_found_in_each_place(left: Left, sweep: Sweep, kind: str) -> None:
    data = max(of_kind(left, kind).values(), key=len)[:PLANTED_IN]
    half = len(data) // 2
    secrets = {
        **SPELLED,
        "name": NAMES["carol"].encode(),
        "text": BY_SMS.encode(),
        "contact": left.contacts[77].encode(),
    }
    secrets |= {seed.id: seed.value.encode() for seed in left.seeds}
    missed = [
        name for name, spelled in secrets.items() if not sweep.find(data[:half] + b" " + spelled + b" " + data[half:])
    ]
    assert missed == []


@pytest.mark.parametrize("spelled", SPELLED)
def test_whose_it_is_is_told(sweep: Sweep, spelled: str) -> None:
    assert any(
        found.startswith(("alice's number", ALICE)) for found in sweep.find(b"\x00\x01" + SPELLED[spelled] + b"\xff")
    )
    assert sweep.find(b"a text of no interest, +12025550123 and " + bytes(range(256))) == set()


HOLDER: Final = """
import sys
held = sys.stdin.readline().strip()
print("held", flush=True)
sys.stdin.readline()
"""


def test_a_canary_in_a_process_is_found(sweep: Sweep) -> None:
    if os.geteuid() != 0:
        not_tested("a canary in a process: to read its memory takes root")
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{ALICE}\n")
        process.stdout.readline()
        found = sweep.find(image(process.pid))
        process.stdin.write("\n")
    assert "alice's number: e164" in found


def test_a_canary_in_a_database_is_found(tmp_path: Path, sweep: Sweep) -> None:
    """In the log that was not merged yet, and in the file after."""
    with contextlib.closing(sqlite3.connect(tmp_path / "directory.db")) as database:
        database.execute("PRAGMA journal_mode = wal")
        database.execute("CREATE TABLE kept (value)")
        database.execute("INSERT INTO kept VALUES (?)", (ALICE,))
        database.commit()
        while_open = Left()
        while_open.take_files("at-rest", tmp_path)
    closed = Left()
    closed.take_files("stopped", tmp_path)
    assert set(sweep.everywhere(while_open.places)) == {"at-rest directory.db-wal"}
    assert set(sweep.everywhere(closed.places)) == {"stopped directory.db"}


@pytest.mark.parametrize("file", ["kannel/bearerbox.log", "nginx/access.log", "caddy/said.log", "server.err"])
def test_a_canary_in_a_log_is_found(tmp_path: Path, sweep: Sweep, file: str) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(f'{{"event": "code sent", "to": "{ALICE}"}}\n', encoding="utf-8")
    logs = Left()
    logs.take_files("logs", tmp_path)
    assert set(sweep.everywhere(logs.places)) == {f"logs {file}"}
    proxy = Proxy("nginx", (tmp_path / file).parent, 0)
    assert sweep.find(proxy.left())


def test_a_canary_that_passes_in_the_clear_is_found(sweep: Sweep) -> None:
    """In a request, and in its answer."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + SPELLED["base64"])
        writer.close()

    async def main() -> Recorder:
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server, Recorder().running() as recorder:
            recorder.target = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", recorder.port)
            writer.write(b"POST /v1/enrolments?number=%2B" + DIGITS.encode() + b" HTTP/1.1\r\n\r\n")
            assert await reader.read()
            writer.close()
        return recorder

    [passed] = run(main()).passed.values()
    assert sweep.find(bytes(passed.to_server))
    assert sweep.find(bytes(passed.to_client))
