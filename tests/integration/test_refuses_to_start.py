"""What must not run does not start: exit code 1, one sentence that says what to do, the same one as JSON."""

import json
import re
import shutil
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import apsw
import pytest

from tests.aio import run
from tests.integration.nursery import Finished, Nursery
from tests.integration.world import Enrolled, Ports, world

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Case:
    """What is wrong, what is done about it, and what the sentence has to say."""

    what: str
    says: str
    """Regular expression."""
    prepare: Callable[[Path], object] = lambda _: None
    """Takes the directory in which `server` and `alice` lie."""
    more: tuple[str, ...] = ()
    """Words that are added; later ones win."""
    without: tuple[str, ...] = ()
    """Options that are left out, with their values."""
    environment: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.what.replace(" ", "-")


def garbage(*parts: str) -> Callable[[Path], object]:
    return lambda place: place.joinpath(*parts).write_bytes(b"This is no such file. " * 1000)


def mode(bits: int, *parts: str) -> Callable[[Path], object]:
    return lambda place: place.joinpath(*parts).chmod(bits)


def secret(name: str, content: str = "secret\n", bits: int = 0o600) -> Callable[[Path], object]:
    def write(place: Path) -> None:
        (place / name).touch(mode=bits)
        (place / name).write_text(content)
        (place / name).chmod(bits)

    return write


def newer_mailbox(place: Path) -> None:
    with closing(apsw.Connection(str(place / "server" / "mailbox" / "mailbox.db"))) as database:
        database.execute("PRAGMA user_version = 1000")


def newer_directory(place: Path) -> None:
    with closing(sqlite3.connect(place / "server" / "directory.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()


def fresh_mailbox(place: Path) -> None:
    shutil.rmtree(place / "server" / "mailbox")


SERVER = (
    Case("http on all addresses", r"--tls-cert.*127\.0\.0\.1", more=("--http", "0.0.0.0:0")),
    Case("http on all addresses by IPv6", r"--tls-cert.*127\.0\.0\.1", more=("--http", "[::]:0")),
    Case("http on an address of the net", r"--tls-cert.*127\.0\.0\.1", more=("--http", "192.0.2.7:0")),
    Case("http on a name", r"--tls-cert.*127\.0\.0\.1", more=("--http", "localhost.example:0")),
    Case("stream on all addresses", r"--tls-cert.*127\.0\.0\.1", more=("--stream", "0.0.0.0:0")),
    Case("no port", r"HOST:PORT|port", more=("--http", "127.0.0.1")),
    Case("neither passphrase nor plain keyring", r"--passphrase-file", without=("--plain-keyring",)),
    Case("no gateway", r"--sms-gateway", without=("--sms-gateway",)),
    Case("data for others to look into", r"chmod 700", mode(0o755, "server")),
    Case("keyring directory for others", r"chmod 700", mode(0o750, "server", "keyring")),
    Case("world-readable keys", r"chmod 600", mode(0o644, "server", "keyring", "secrets")),
    Case("world-readable hour keys", r"chmod 600", mode(0o604, "server", "keyring", "hours")),
    Case("mailboxes for others", r"chmod 700", mode(0o755, "server", "mailbox")),
    Case("mailbox database for others", r"chmod 600", mode(0o644, "server", "mailbox", "mailbox.db")),
    Case("directory database for others", r"chmod 600", mode(0o644, "server", "directory.db")),
    Case("world-readable passphrase", r"chmod 600", secret("pass", bits=0o644), ("--passphrase-file", "{place}/pass")),
    Case("empty passphrase", r"first line", secret("pass", "\n"), ("--passphrase-file", "{place}/pass")),
    Case("world-readable password", r"chmod 600", mode(0o644, "gateway-password")),
    Case(
        "passphrase for a plain keyring",
        r"kept plain",
        secret("pass"),
        ("--passphrase-file", "{place}/pass"),
        ("--plain-keyring",),
    ),
    Case("both kinds of keyring", r"leave one", secret("pass"), ("--passphrase-file", "{place}/pass")),
    Case("TLS certificate without key", r"together", secret("cert"), ("--tls-cert", "{place}/cert")),
    Case(
        "TLS files that are none",
        r"PEM",
        secret("cert"),
        ("--tls-cert", "{place}/cert", "--tls-key", "{place}/cert"),
    ),
    Case(
        "world-readable TLS key",
        r"chmod 640",
        secret("key", bits=0o644),
        ("--tls-cert", "{place}/key", "--tls-key", "{place}/key"),
    ),
    Case("damaged keyring", r"restore", garbage("server", "keyring", "secrets")),
    Case("damaged hour keys", r"restore", garbage("server", "keyring", "hours")),
    Case("damaged mailboxes", r"restore it from a backup", garbage("server", "mailbox", "mailbox.db")),
    Case("damaged directory", r"damaged", garbage("server", "directory.db")),
    Case("mailboxes of a newer Sayso", r"newer Sayso", newer_mailbox),
    Case("directory of a newer Sayso", r"later Sayso|newer Sayso", newer_directory),
    Case("no write-ahead log", r"local disk", fresh_mailbox, environment={"SAYSO_TEST_DENY_PRAGMA": "journal_mode"}),
    Case("no waiting for the disk", r"synchronous", environment={"SAYSO_TEST_DENY_PRAGMA": "synchronous"}),
    Case("no overwriting", r"secure_delete", environment={"SAYSO_TEST_DENY_PRAGMA": "secure_delete"}),
)
PHONE = (
    Case("neither passphrase nor plain key", r"passphrase", without=("--plain-store-key",)),
    Case("phone for others to look into", r"chmod 700", mode(0o755, "alice")),
    Case("world-readable store key", r"chmod 600", mode(0o644, "alice", "store.key")),
    Case("damaged store key", r"damaged", lambda place: (place / "alice" / "store.key").write_bytes(b"short")),
    Case(
        "another store key", r"cannot be opened", lambda place: (place / "alice" / "store.key").write_bytes(bytes(32))
    ),
    Case("missing store key", r"put its key file back", lambda place: (place / "alice" / "store.key").unlink()),
    Case("damaged store", r"cannot be opened", garbage("alice", "phone.db")),
    Case("modem without a name", r"NAME=MODEM", more=("--modem", "sim.sock")),
    Case(
        "passphrase for a plain store",
        r"plain",
        secret("pass"),
        ("--passphrase-file", "{place}/pass"),
        ("--plain-store-key",),
    ),
    Case("store that is not durable", r"local disk", environment={"SAYSO_TEST_DENY_PRAGMA": "journal_mode"}),
)
CARRIER = (
    Case("damaged carrier", r"carrier", garbage("carrier", "carrier.json")),
    Case("SIM without a number", r"NAME=NUMBER", more=("--sim", "dora")),
    Case("SIM with no number", r"NAME=NUMBER", more=("--sim", "dora=hello")),
)


def words_of(part: str, place: Path, case: Case) -> list[str]:
    """The command, as it would start."""
    parts: dict[str, dict[str, str | None]] = {
        "server": {
            "--data": "{place}/server",
            "--plain-keyring": None,
            "--http": "127.0.0.1:0",
            "--stream": "127.0.0.1:0",
            "--sms-gateway": "http://127.0.0.1:9/cgi-bin/sendsms",
            "--sms-password-file": "{place}/gateway-password",
        },
        "phone": {"--data": "{place}/alice", "--plain-store-key": None, "--modem": "sim={place}/modem.sock"},
        "carrier": {"--data": "{place}/carrier"},
    }
    words = [part, "run"]
    for option, value in parts[part].items():
        if option not in case.without:
            words += [option] if value is None else [option, value]
    return [word.replace("{place}", str(place)) for word in (*words, *case.more)]


def refused(nursery: Nursery, words: list[str], environment: dict[str, str], says: str) -> None:
    """Start it twice, for people and for programs."""

    async def both() -> tuple[Finished, Finished]:
        async with nursery.open():
            return await nursery.call(*words, **environment), await nursery.call(*words, "--json", **environment)

    plain, program = run(both())
    assert (plain.code, program.code) == (1, 1), plain
    # The world's clock ran ahead of this one's: the server says that it was away before it comes to what it refuses.
    *logged, sentence = plain.stderr.splitlines()
    assert all("server-was-away" in line for line in logged)
    assert sentence.startswith("sayso: ")
    assert re.search(says, sentence)
    assert plain.stdout == ""
    assert all("server-was-away" in one for one in program.stderr.splitlines())
    (line,) = program.stdout.splitlines()
    assert json.loads(line) == {"error": sentence.removeprefix("sayso: ")}


@pytest.mark.parametrize(
    ("part", "case"),
    [(part, case) for part, cases in (("server", SERVER), ("phone", PHONE), ("carrier", CARRIER)) for case in cases],
    ids=str,
)
def test_refused(part: str, case: Case, nursery: Nursery, enrolled: Enrolled, place: Path) -> None:
    enrolled.copy(place)
    case.prepare(place)
    before = snapshot(place)
    refused(nursery, words_of(part, place, case), case.environment, case.says)
    assert snapshot(place) >= before


def snapshot(place: Path) -> set[tuple[str, bytes]]:
    """What lies there, but for databases, whose logs are written back when they are opened."""
    files = [file for file in place.rglob("*") if file.is_file() and ".db" not in file.name]
    return {(str(file.relative_to(place)), file.read_bytes()) for file in files}


def test_a_taken_port(nursery: Nursery, enrolled: Enrolled, place: Path) -> None:
    enrolled.copy(place)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for option in ("--http", "--stream"):
            case = Case("", "", more=(option, f"127.0.0.1:{port}"))
            refused(nursery, words_of("server", place, case), {}, r"choose another port")


def test_a_wrong_passphrase(nursery: Nursery, place: Path) -> None:
    """For the server's keyring and for the phone's store."""
    place.mkdir(mode=0o700)
    for name in ("right", "wrong"):
        secret(name, name)(place)
    secret("gateway-password")(place)
    ports = Ports.free()

    async def make() -> None:
        async with world(nursery, place, ports) as made:
            await made.start("carrier")
            server = made.server
            server.words = [*with_passphrase("server", place, "right"), "--json"]
            await server.start()
            made.alice.daemon.words = [*with_passphrase("phone", place, "right"), "--json"]
            await made.alice.daemon.start()
            await made.stop()

    run(make())
    for part in ("server", "phone"):
        refused(nursery, with_passphrase(part, place, "wrong"), {}, r"passphrase")


def with_passphrase(part: str, place: Path, name: str) -> list[str]:
    plain = {"server": "--plain-keyring", "phone": "--plain-store-key"}[part]
    return words_of(part, place, Case("", "", more=("--passphrase-file", str(place / name)), without=(plain,)))


def test_twice_on_the_same_data(nursery: Nursery, enrolled: Enrolled, place: Path) -> None:
    """The second one leaves the first one alone."""
    enrolled.copy(place)

    async def scenario() -> list[Finished]:
        async with world(nursery, place, enrolled.ports) as made:
            await made.start("carrier")
            await made.start("server", "alice")
            found = [
                await nursery.call(*words_of(part, place, Case("", ""))) for part in ("carrier", "server", "phone")
            ]
            await made.alice.line_is("on", connected=True)
            await made.stop()
        return found

    for finished in run(scenario()):
        assert finished.code == 1
        (sentence,) = finished.stderr.splitlines()
        assert re.search(r"^sayso: an?(other)? (carrier|server|phone) (runs|works) (in|on) .*(stop|choose)", sentence)
