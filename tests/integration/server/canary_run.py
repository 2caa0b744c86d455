"""A whole life of a server beside everything that is shipped with it, and all that it leaves behind, place by place.

    phones ──TLS── nginx, Caddy ──recorders── server ── its backing ── SMSC (npm) ──▶ simulated carrier ── phones

There are two such lives, one on each backing (canary_backing.py). Two phones enrol, one discovers thousands of
contacts, they text, one is away meanwhile, a third person gets an SMS, things go wrong, both opt out. Phones, carrier
and SMSC may know numbers; everything between may not, but Kannel, which delivers the codes: of it, its files count.
"""

import asyncio
import contextlib
import functools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography import x509

import sayso
from sayso.audit.core.seed_types import Seed, SeedType
from sayso.carrier.adapters.control_client import AsyncControlClient
from sayso.carrier.control import ListSims
from sayso.carrier.core.events import Inject
from sayso.phone import command_types as types
from sayso.phone.adapters.daemon_client import DaemonClient
from sayso.phone.adapters.store.peers import Contact
from sayso.phone.adapters.store.store import Store
from sayso.phone.adapters.store_key import DataDirectory
from sayso.phone.adapters.system import SystemRandom
from sayso.protocol.limits import LIMITS
from tests.fakes.real_server import RealServer, real_server
from tests.fakes.recorder import Recorder
from tests.fakes.tls import self_signed
from tests.integration.npm_smsc import NpmSmsc
from tests.integration.server.canaries import fictional_numbers, seeds
from tests.integration.server.canary_backing import ALONE, BACKINGS, Backing
from tests.integration.server.memory import at_rest, core, family, image
from tests.integration.server.rubbish import misbehave, rubbish
from tests.integration.server.shipped import Proxy, unit_environment
from tests.integration.world import Ports

CLIENT: Final = "127.0.0.77"
CONTACTS: Final = 5_000
ALICE, BOB, CAROL, DAVE = "+447700900987", "+447700900986", "+447700900985", "+447700900984"
STRANGER: Final = "+447700900983"
"""Said in the clear, where no number belongs, by somebody who attacks: memory that a bad request took may hold it."""
PEOPLE: Final = {"alice": ALICE, "bob": BOB, "carol": CAROL}
NAMES: Final = {"bob": "Ignatius Thornebury Wraxall", "carol": "Cordelia Vexmoor Quillfeather"}
LIVE: Final = "the heron waits beside pewter bridge at dusk"
REPLY: Final = "bring nine walnut ladders for the abbot quietly"
WAITING: Final = "a marzipan lighthouse blinked over frozen gravel"
BY_SMS: Final = "seventeen violet trams passed the deaf cathedral"
SENT: Final = ("accepted", "delivered")
PATIENCE_S: Final = 300.0
"""For one step of the life, on a machine with other work: no step has a deadline of its own."""
# A phone waits up to half an hour before it first asks for its contacts, so that nobody learns why it does.
PHONE: Final = """
import sayso.phone.core.discovery as discovery
discovery.FIRST_S = 0.0
from sayso.cli.main import main
main()
"""


@dataclass
class Left:
    """What a run leaves behind."""

    seeds: list[Seed] = field(default_factory=list)
    contacts: list[str] = field(default_factory=list)
    places: dict[str, bytes] = field(default_factory=dict)
    """Bytes by place: the first word names the kind."""
    known: dict[str, bytes] = field(default_factory=dict)
    """What is there in each kind of place, so that a search finds out whether it sees anything."""

    def take_files(self, kind: str, folder: Path) -> None:
        """Take every file below a folder."""
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                self.places[f"{kind} {file.relative_to(folder)}"] = file.read_bytes()

    def take_backing(self, moment: str, files: Mapping[str, bytes]) -> None:
        """Take what the backing has written until a moment of the life."""
        for place, data in files.items():
            kind, _, name = place.partition(" ")
            self.places[f"{kind} {moment} {name}"] = data


@asynccontextmanager
async def _running(*words: str, log: Path, **environment: str) -> AsyncIterator[dict[str, str]]:
    """Run a part of Sayso until leaving; yields what it says when it is ready."""
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *words, "--json"),
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, **environment},
            start_new_session=True,
        )
    assert process.stdout is not None
    try:
        yield json.loads(await process.stdout.readline())
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


@dataclass
class _Run:
    folder: Path
    certificate: Path
    http: Recorder
    left: Left
    backing: Backing
    server: RealServer = field(init=False)
    addresses: dict[str, str] = field(default_factory=dict)

    def phone(self, name: str) -> DaemonClient:
        return DaemonClient(self.folder / name, patience_s=PATIENCE_S)

    @asynccontextmanager
    async def phone_on(self, name: str) -> AsyncIterator[DaemonClient]:
        """Switch a phone on."""
        modem = self.folder / "carrier" / "modems" / f"{name}.sock"
        words = ("phone", "run", "--data", str(self.folder / name), "--plain-store-key", "--modem", f"sim={modem}")
        log = self.folder / f"{name}.err"
        async with _running("-c", PHONE, *words, log=log, SSL_CERT_FILE=str(self.certificate)) as ready:
            assert ready.get("event") == "ready", ready
            yield self.phone(name)

    async def opt_in(self, name: str) -> None:
        phone = self.phone(name)
        await phone.wait_for_line(lambda line: line.number is not None, what=f"{name}'s SIM to tell its number")
        yes = types.OptIn(
            server=self.addresses[name], server_key=self.server.said["key"], findable="everyone", method="test"
        )
        await phone.ask(yes, types.CodeOnItsWay)
        await phone.wait_for_line(lambda line: line.state == "on" and line.connected, what=f"{name}'s line to be on")

    async def send(self, name: str, to: str, text: str, *states: str) -> None:
        phone = self.phone(name)
        await phone.ask(types.Send(to=to, text=text), types.Sending)
        await phone.wait_for_message(lambda one: one.text == text and one.state in states, what=f"{text[:9]} to be out")

    async def comes(self, name: str, text: str) -> None:
        await self.phone(name).wait_for_message(lambda one: one.text == text, what=f"{text[:9]} to come")

    def write_contacts(self, name: str, numbers: list[str]) -> None:
        """Fill the address book before the phone is first switched on."""
        directory = DataDirectory(self.folder / name)
        store = Store(directory.database, directory.plain_key(random=SystemRandom()))
        with store.transaction("contacts"):
            for person, full_name in NAMES.items():
                store.peers.put_contact(Contact(number=PEOPLE[person], name=full_name))
            for place, number in enumerate(numbers):
                store.peers.put_contact(Contact(number=number, name=f"Vexmoor Quillfeather {place}"))
        store.close()
        directory.close()

    async def discovered(self, count: int) -> None:
        """Wait until the server has evaluated so many numbers; the phone does not show which it has asked for."""
        batches = -(-count // LIMITS.evaluations_per_request)
        while sum(bytes(one.to_client).count(b'"evaluated":"') for one in self.http.passed.values()) < batches:  # noqa: ASYNC110  nothing announces it
            await asyncio.sleep(0.2)

    def copy_server(self, kind: str) -> None:
        """Copy the server's directory while it runs, as a backup does."""
        to = self.folder / kind
        shutil.copytree(self.server.data, to)
        self.left.take_files(kind, to)


async def _bring_codes(smsc: NpmSmsc, carrier: AsyncControlClient) -> None:
    """Carry what the SMSC takes to the phones, as a network does."""
    done = 0
    while True:
        for submit in (await smsc.wait_for("submit", done + 1))[done:]:
            if submit["what"] == "ok":
                await carrier.call(Inject(sender="Sayso", to=f"+{submit['to']}", text=submit["text"]))
            done += 1


async def whole_life(folder: Path, backing: str) -> Left:
    """Live it in an empty folder on one of `BACKINGS`, and return what is left."""
    left = Left(contacts=list(contacts_of_alice()))
    certificate, key = self_signed(folder, x509.DNSName("localhost"))
    sims = [word for name, number in PEOPLE.items() for word in ("--sim", f"{name}={number}")]
    carrier = ("-m", "sayso", "carrier", "run", "--data", str(folder / "carrier"), *sims)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(_running(*carrier, log=folder / "carrier.err"))
        network = await stack.enter_async_context(AsyncControlClient(folder / "carrier" / "control.sock"))
        http, stream = Recorder(), Recorder()
        below = await stack.enter_async_context(BACKINGS[backing](folder))
        run = _Run(folder, certificate, http, left, below)
        left.seeds = [*await _identities(network), *_texts()]
        bringing = asyncio.ensure_future(_bring_codes(below.smsc, network))
        stack.callback(bringing.cancel)
        await stack.enter_async_context(http.running())
        await stack.enter_async_context(stream.running())
        proxies = [Proxy(name, folder / name, Ports.free().http, "localhost") for name in ("nginx", "caddy")]
        options = (
            *("--plain-keyring", "--discovery-bucket", str(2 * CONTACTS), "--discovery-per-day", str(CONTACTS)),
            *("--public-stream", f"wss://localhost:{proxies[1].port}/v1/stream"),
            *below.options,
        )
        run.server = await stack.enter_async_context(
            real_server(
                folder,
                *options,
                environment={**os.environ, **unit_environment()},
                gateway=below.gateway,
                smpp=below.smpp,
                password=below.password,
            )
        )
        http.target, stream.target = run.server.http_port, run.server.stream_port
        for proxy in proxies:
            proxy.folder.mkdir()
            command = proxy.configured(http.port, stream.port, certificate, key)
            await stack.enter_async_context(proxy.running(command))
        run.addresses = {
            name: f"https://localhost:{proxy.port}" for name, proxy in zip(("alice", "bob"), proxies, strict=True)
        }
        await _live(run)
        await _go_wrong(run, proxies)
        for name in ("alice", "bob"):
            async with run.phone_on(name) as phone:
                await phone.wait_for_line(lambda line: line.connected, what=f"{name}'s line to be connected")
                left_now = await phone.ask(types.OptOut(), types.OptedOut)
                assert left_now.erased
        left.places["metrics after"] = (await run.server.get("/metrics")).body
        await at_rest(run.server.process.pid)
        first, *workers = family(run.server.process.pid)
        if backing == ALONE:  # one that shares its record ends when it is held up for seconds
            left.places["core"] = await asyncio.to_thread(core, first, folder)
            left.known["core"] = run.server.key
        else:
            left.places["memory of the first"] = await asyncio.to_thread(image, first)
        for number, pid in enumerate(workers):
            left.places[f"memory {number}"] = await asyncio.to_thread(image, pid)
        run.copy_server("at-rest")
        await run.server.stop()
        left.take_files("stopped", run.server.data)
        left.take_backing("stopped", below.files())
    for proxy in proxies:
        left.places[f"{proxy.name} log"] = proxy.left()
    for name, recorder in (("http", http), ("stream", stream)):
        for way in ("to_server", "to_client"):
            passed = [bytes(getattr(one, way)) for one in recorder.passed.values()]
            left.places[f"{name} {way}"] = b"\n".join(passed)
    left.places["log"] = run.server.log.read_bytes()
    return left


@functools.cache
def contacts_of_alice() -> list[str]:
    """Numbers that belong to nobody in the story, and stand in no example that the program itself says."""
    ours = "".join(file.read_text("utf-8") for file in Path(sayso.__file__).parent.rglob("*.py"))
    others = {*PEOPLE.values(), DAVE, STRANGER, *re.findall(r"\+44\d{10}", ours)}
    return [one for one in fictional_numbers(CONTACTS + len(others)) if one not in others][:CONTACTS]


def people() -> list[Seed]:
    """What does not depend on the run: numbers, names and texts."""
    return [*seeds((f"{name}'s number", SeedType.MSISDN, number) for name, number in PEOPLE.items()), *_texts()]


async def _identities(network: AsyncControlClient) -> list[Seed]:
    """What SIMs and phones are called, by the network's own word."""
    found: list[tuple[str, SeedType, str]] = []
    for sim in (await network.call(ListSims())).sims or []:
        found += [
            (f"{sim.name}'s number", SeedType.MSISDN, sim.number),
            (f"{sim.name}'s IMSI", SeedType.IMSI, sim.imsi),
            (f"{sim.name}'s ICCID", SeedType.ICCID, sim.iccid),
        ]
        assert sim.imei is not None
        found.append((f"{sim.name}'s IMEI", SeedType.IMEI, sim.imei))
    found += [("dave's number", SeedType.MSISDN, DAVE), ("stranger's number", SeedType.MSISDN, STRANGER)]
    return list(seeds(found))


def _texts() -> list[Seed]:
    found = [(f"name of {person}", SeedType.CONTACT_NAME, name) for person, name in NAMES.items()]
    texts = {"live": LIVE, "reply": REPLY, "waiting": WAITING, "sms": BY_SMS}
    return list(seeds([*found, *((f"text {name}", SeedType.SMS_TEXT, text) for name, text in texts.items())]))


async def _live(run: _Run) -> None:
    """Enrol, discover, text, text somebody who is away, fall back."""
    run.write_contacts("alice", run.left.contacts)
    async with run.phone_on("alice") as alice, AsyncExitStack() as away:
        await away.enter_async_context(run.phone_on("bob"))
        await run.opt_in("bob")
        await run.opt_in("alice")
        await run.discovered(CONTACTS + len(NAMES))
        await run.send("alice", BOB, LIVE, *SENT)
        await run.comes("bob", LIVE)
        await run.send("bob", ALICE, REPLY, *SENT)
        await run.comes("alice", REPLY)
        await run.send("alice", CAROL, BY_SMS, "sms-sent", "sms-delivered", "sms-unknown")
        held = (await alice.ask(types.Me(), types.Held)).held
        run.left.known |= {
            "http": b"POST /v1/enrolments",
            "stream": b"GET /v1/stream",
            "metrics": b"sayso_",
            "log": b'"code sent"',
            "nginx": b"",
            "caddy": b"",
            "memory": b"sayso.server",
            **run.backing.known(held.device.device),
        }
        await away.aclose()
        await run.send("alice", BOB, WAITING, *SENT)
        run.copy_server("waiting")
        run.left.take_backing("waiting", run.backing.files())
        async with run.phone_on("bob"):
            await run.comes("bob", WAITING)
    run.left.places["metrics before"] = (await run.server.get("/metrics")).body


async def _go_wrong(run: _Run, proxies: list[Proxy]) -> None:
    """Have everything complain that can: what is below fails, rubbish comes, a request is forged."""
    await run.backing.break_down(STRANGER)
    dave = run.server.device(DAVE)
    await dave.ask_code()
    while b'"code not sent"' not in run.server.log.read_bytes():  # noqa: ASYNC110  the log announces it
        await asyncio.sleep(0.1)
    line = f"GET /v1/lines/{STRANGER} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    for proxy in proxies:
        await rubbish(proxy.port, client=CLIENT, more=line)
    await misbehave(run.server, STRANGER)
    forged = await dave.post_raw("/v1/me", b'{"number": "' + STRANGER.encode() + b'"}', await dave.nonce())
    assert forged.status >= 400
