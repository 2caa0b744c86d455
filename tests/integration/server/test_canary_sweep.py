"""The canary sweep: after a whole life of a server nothing that its people are known by is left anywhere but with them.

There are two lives (canary_run.py): of a server that keeps files and sends its codes by Kannel, and of one that keeps
its record in PostgreSQL, has NATS beside it, and speaks SMPP itself. Each is lived once; then every file, log, metric,
byte of traffic and byte of memory is searched for every number, IMSI, IMEI, ICCID, name and text in every encoding that
the auditor knows. That the search would see them is shown by planting some, in each place and in each encoding.
"""

import asyncio
import base64
import contextlib
import fcntl
import functools
import gzip
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import msgspec
import pytest

from sayso.audit.core.decode.tokens import MIN_BASE64
from sayso.audit.core.digests import digests_of
from sayso.audit.core.forms import expand
from tests.accounting import not_tested
from tests.aio import run
from tests.fakes.recorder import Recorder
from tests.integration.server.canaries import Sweep, numbered, unpacked
from tests.integration.server.canary_backing import ALONE, SHARED
from tests.integration.server.canary_run import (
    ALICE,
    BY_SMS,
    CONTACTS,
    NAMES,
    Left,
    contacts_of_alice,
    people,
    whole_life,
)
from tests.integration.server.contact_index import PACKED, Contacts
from tests.integration.server.memory import core, image
from tests.integration.server.shipped import Proxy

pytestmark = pytest.mark.slow

_BOTH: Final = (
    *("waiting", "at-rest", "stopped"),  # the server's directory: beside it while somebody is away, at rest, at the end
    *("log", "metrics", "nginx", "caddy", "http", "stream", "memory"),
)
KINDS: Final = {
    ALONE: (*_BOTH, "kannel", "core"),
    SHARED: (*_BOTH, "postgres", "postgres-log", "nats"),
}
IN_EACH: Final = [(life, kind) for life, kinds in KINDS.items() for kind in kinds]
FILES: Final[Mapping[str, set[str]]] = {
    ALONE: {
        *("directory.db", "directory.db-wal", "mailbox.db", "mailbox.db-wal", "secrets", "hours"),
        *("bearerbox.log", "smsbox.log", "bearerbox.terminal"),
    },
    SHARED: {"000000010000000000000001", "log", "nats.log", "secrets"},
}
OF_MEMORY: Final = {"memory", "core"}
FEW: Final = 3
HANGS_S: Final = 1_200.0
"""A life takes a minute; no machine is so loaded that it takes so long."""
PLANTED_IN: Final = 16 * 1024
"""So much of a place stands for it when a canary is planted there."""
DIGITS: Final = ALICE[1:]
WRITTEN: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "plain": bytes,
    "hex": lambda secret: secret.hex().encode(),
    "HEX": lambda secret: secret.hex().upper().encode(),
    "base64": base64.b64encode,
    "base64url": base64.urlsafe_b64encode,
}
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


@dataclass(frozen=True)
class MadeOnce:
    """What the workers of one run of the tests make once and then share, in files."""

    folder: Path

    def made(self, name: str, make: Callable[[Path], None]) -> Path:
        """Return a file that `make` has written, now or in another worker; nobody waits for who makes another one."""
        file = self.folder / name
        with Path(f"{file}.lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not file.exists():
                make(file)
        return file


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    base, run_of_all = tmp_path_factory.getbasetemp(), os.environ.get("PYTEST_XDIST_TESTRUNUID")
    folder = base.parent / f"canaries-{run_of_all}" if run_of_all else base / "canaries"
    folder.mkdir(exist_ok=True)
    return MadeOnce(folder)


@pytest.fixture(scope="module")
def lives(made_once: MadeOnce, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Left]:
    """What is left of a life on a backing."""
    if os.geteuid() != 0:
        not_tested("the canary sweep: to read a process's memory takes root")
    if not all(Proxy(name, Path(), 0).installed() for name in ("nginx", "caddy")):
        not_tested("the canary sweep: nginx and Caddy are not installed")
    if shutil.which("gdb") is None:
        not_tested("the canary sweep: gdb is not installed")

    @functools.cache
    def left(backing: str) -> Left:
        def live(file: Path) -> None:
            lived = run(whole_life(tmp_path_factory.mktemp("c"), backing), patience=HANGS_S)
            file.write_bytes(msgspec.msgpack.encode(lived))

        return msgspec.msgpack.decode(made_once.made(f"life-{backing}", live).read_bytes(), type=Left)

    return left


@pytest.fixture(scope="module")
def contacts(made_once: MadeOnce) -> Contacts:
    return Contacts.load(made_once.made("contacts", lambda file: Contacts.of(numbered(contacts_of_alice())).save(file)))


@pytest.fixture(scope="module")
def sweeps(lives: Callable[[str], Left], contacts: Contacts) -> Callable[[str], Sweep]:
    """The search for what one life's people are known by: the SIMs of the other are others."""
    return functools.cache(lambda life: Sweep(lives(life).seeds, contacts))


@pytest.fixture(scope="module")
def sweep(contacts: Contacts) -> Sweep:
    """The search for what does not depend on the life."""
    return Sweep(people(), contacts)


def of_kind(left: Left, kind: str) -> dict[str, bytes]:
    return {place: data for place, data in left.places.items() if place.split()[0] == kind}


@pytest.mark.parametrize("life", KINDS)
def test_all_of_it_happened(lives: Callable[[str], Left], life: str) -> None:
    """And each kind of place was looked into: what is known to be there is seen."""
    left = lives(life)
    assert len(left.contacts) == len(set(left.contacts)) == CONTACTS
    assert {place.split()[0] for place in left.places} == set(KINDS[life]) == set(left.known)
    unseen = [kind for kind, one in left.known.items() if not any(one in data for data in of_kind(left, kind).values())]
    assert unseen == []
    names = {place.rpartition("/")[2].rpartition(" ")[2] for place in left.places}
    assert FILES[life] <= names


@pytest.mark.parametrize(("life", "kind"), IN_EACH)
def test_nothing_is_left(lives: Callable[[str], Left], sweeps: Callable[[str], Sweep], life: str, kind: str) -> None:
    """At rest too, in the memory of the server and its workers, and in a core.

    What a stranger said in the clear is not a number that was verified: memory that a bad request took may hold it.
    """
    left, places = lives(life), of_kind(lives(life), kind)
    found = sweeps(life).everywhere(places)
    if kind in OF_MEMORY:
        found = {place: _told(several) for place, several in found.items()}
        found = {place: several for place, several in found.items() if not all(map(_strangers, several))}
    else:
        assert unpacked(left.seeds, places, sweeps(life).contacts) == {}
    assert found == {}


def _told(found: set[str]) -> set[str]:
    """Leave out what chance may be: in hundreds of megabytes some integer has the bytes of one of 5,000 numbers.

    Whoever kept contacts as integers would have kept them by the dozen.
    """
    packed = {one for one in found if one.endswith(f": {PACKED}")}
    return found - packed if len(packed) < FEW else found


def _strangers(found: str) -> bool:
    return found.startswith("stranger's number: ")


def test_chance_is_left_out_and_a_leak_is_not() -> None:
    lone = {"+447700900065: packed"}
    assert _told(lone) == set()
    assert _told(lone | {"+447700900066: digest"}) == {"+447700900066: digest"}
    several = {f"+44770090006{number}: packed" for number in range(FEW)}
    assert _told(several) == several
    assert _told({"+447700900065: form"}) == {"+447700900065: form"}


@pytest.mark.parametrize(("life", "kind"), IN_EACH)
def test_a_planted_canary_is_found_in_each_place(
    lives: Callable[[str], Left], sweeps: Callable[[str], Sweep], life: str, kind: str
) -> None:
    left, search = lives(life), sweeps(life)
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
        name for name, spelled in secrets.items() if not search.find(data[:half] + b" " + spelled + b" " + data[half:])
    ]
    assert missed == []


@pytest.mark.parametrize("number", [ALICE, contacts_of_alice()[77]])
def test_every_spelling_is_found_of_a_person_and_of_a_contact(sweep: Sweep, number: str) -> None:
    """As the auditor makes them: each form and each digest, plain and written in hex and in base64."""
    [seed] = numbered([number])
    forms = [form.data for form in expand(seed) if len(form.data.strip(b"\0")) >= (5 if form.binary else 10)]
    digests = [digest.value for digest in digests_of(0, expand(seed))]
    digests += [value[4:12] for value in digests if len(value) == 16]
    assert len(digests) > 1_000
    secrets = [form for form in forms if len(form) > 5] + digests
    # What hex and base64 stand for is searched like the rest: there a tenth of them tells as much.
    spelled = [(way, one) for way in WRITTEN for one in (secrets if way == "plain" else secrets[::10])]
    missed = [
        (way, one)
        for way, one in spelled
        if (way == "plain" or len(WRITTEN[way](one).rstrip(b"=")) >= MIN_BASE64)
        and not any(number in name or "alice" in name for name in sweep.find(b"\x01 " + WRITTEN[way](one) + b" \xff"))
    ]
    assert missed == []


@pytest.mark.parametrize("spelled", SPELLED)
def test_whose_it_is_is_told(sweep: Sweep, spelled: str) -> None:
    assert any(
        found.startswith(("alice's number", ALICE)) for found in sweep.find(b"\x00\x01" + SPELLED[spelled] + b"\xff")
    )
    assert sweep.find(b"a text of no interest, +12025550123 and " + bytes(range(256))) == set()


def test_a_contact_is_found_in_what_the_auditor_unpacks(sweep: Sweep) -> None:
    number = contacts_of_alice()[4_321]
    wrapped = gzip.compress(json.dumps({"to": base64.b64encode(f"tel {number} ".encode()).decode()}).encode())
    assert sweep.find(wrapped) == set()
    assert number in str(unpacked(people(), {"request": wrapped}, sweep.contacts))


HOLDER: Final = """
import sys
held = sys.stdin.readline().strip()
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize("look", [image, core], ids=["memory", "core"])
def test_a_canary_in_a_process_is_found(sweep: Sweep, tmp_path: Path, look: Callable[..., bytes]) -> None:
    if os.geteuid() != 0 or shutil.which("gdb") is None:
        not_tested("a canary in a process: to look into it takes root, and gdb")
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{ALICE}\n")
        process.stdout.readline()
        found = sweep.find(look(process.pid, *([tmp_path] if look is core else [])))
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
