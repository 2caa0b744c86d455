"""A phone in a network namespace of its own, in a world that would answer: what the silence test runs.

Started by test_silence.py: ``unshare --net --mount python silent_world.py SCENARIO DIR`` (with ``-Ur`` where it is not
root). This process and the phone live in the first namespace; a second one, on the other end of a veth, is the world:
every address is its own there, a resolver answers every name, TCP is taken on the usual ports, and carrier and servers
run in it. The phone reaches the carrier by Unix path sockets, which cross namespaces.

IPv6 is off before the links come up, since a fresh veth speaks by itself. Prints one JSON object: what was sent.
"""

import asyncio
import contextlib
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import uvloop
from playwright.async_api import async_playwright

from sayso.carrier.adapters.control_client import AsyncControlClient
from sayso.carrier.core.events import Inject
from sayso.phone import command_types as types
from sayso.phone.adapters.daemon_client import DaemonClient
from tests.integration.certificates import make_authority

PHONE: Final = "10.77.0.2"
WORLD: Final = "10.77.0.1"
SERVERS: Final = ("10.77.1.1", "10.77.1.2")
NUMBERS: Final = {"one": "+447700900101", "two": "+447700900102", "other": "+447700900103"}
USUAL_PORTS: Final = (53, 80, 443, 853, 5222, 8080, 8443)
SETTLE_S: Final = 2.0
"""How long the wire is watched after the last action: longer than any retry or keep-alive that begins at once."""

QUIET_BROWSER: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
    "--host-resolver-rules=MAP *.google.com ~NOTFOUND, MAP *.googleapis.com ~NOTFOUND, MAP *.gstatic.com ~NOTFOUND",
)
"""What Chromium says to its maker of its own accord is not the app's doing; any other name would be looked up."""

Scenario = Callable[["Stage"], Any]


class Wire:
    """Counts and captures every packet of this namespace."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.seen: Counter[str] = Counter()
        self._thread = threading.Thread(target=self._capture, daemon=True)
        self._thread.start()

    def _capture(self) -> None:
        while True:
            frame, (interface, protocol, direction, *_) = self._socket.recvfrom(65535)
            way = "out" if direction == socket.PACKET_OUTGOING else "in"
            self.seen[f"{interface} {way} {_describe(protocol, frame)}"] += 1

    def counters(self) -> dict[str, int]:
        """Packets sent and received on each interface, from the kernel."""
        totals = {}
        for line in Path("/proc/net/dev").read_text().splitlines()[2:]:
            name, numbers = line.split(":")
            fields = numbers.split()
            totals[name.strip()] = int(fields[1]) + int(fields[9])
        return totals


def _describe(protocol: int, frame: bytes) -> str:
    if protocol != 0x0800:
        return f"ethertype {protocol:#06x}"
    header = frame[14:]
    kind = {1: "icmp", 6: "tcp", 17: "udp"}.get(header[9], str(header[9]))
    source, target = socket.inet_ntoa(header[12:16]), socket.inet_ntoa(header[16:20])
    return f"{kind} {target if source == PHONE else source}"


class Stage:
    """The phone's side of the world."""

    def __init__(self, data: Path, wire: Wire, world: int) -> None:
        self.data = data
        self.wire = wire
        self.world = world
        self.phone = DaemonClient(data / "phone")
        self.server_keys: list[str] = []

    def in_world(self, *words: str) -> list[str]:
        """Return the command that runs `words` in the world's namespace."""
        return ["nsenter", f"--net=/proc/{self.world}/ns/net", *words]

    @asynccontextmanager
    async def running(self, *words: str, in_world: bool = False, **environment: str) -> AsyncIterator[dict[str, str]]:
        """Run a `sayso` part until leaving; yields what it says when it is ready."""
        command = [sys.executable, "-m", "sayso", *words, "--json"]
        process = await asyncio.create_subprocess_exec(
            *(self.in_world(*command) if in_world else command),
            stdout=subprocess.PIPE,
            env={**os.environ, **environment},
            start_new_session=True,
        )
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 60)
        ready = json.loads(line)
        assert ready.get("event") == "ready", ready
        try:
            yield ready
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await asyncio.wait_for(process.wait(), 30)

    def phone_words(self) -> list[str]:
        """Return the command of a phone with two lines."""
        modems = self.data / "carrier" / "modems"
        return [
            *("phone", "run", "--data", str(self.data / "phone"), "--plain-store-key"),
            *("--modem", f"one={modems}/one.sock", "--modem", f"two={modems}/two.sock"),
        ]

    async def sms_to_phone(self, text: str) -> None:
        """Have somebody send an SMS to line one."""
        async with AsyncControlClient(self.data / "carrier" / "control.sock") as control:
            await control.call(Inject(sender=NUMBERS["other"], to=NUMBERS["one"], text=text))


async def off(stage: Stage) -> None:
    """Everything that an owner does who has said nothing: look, add, send and get SMS, restart."""
    for turn in ("first", "after a restart"):
        async with stage.running(*stage.phone_words()):
            await stage.phone.wait_for_line(lambda line: line.sim == "present", what="the SIM")
            await stage.phone.ask(types.AddContact(name="Somebody", number=NUMBERS["other"]), types.Done)
            await stage.phone.ask(types.OpenContact(number=NUMBERS["other"]), types.ContactList)
            await stage.phone.ask(types.Contacts(), types.ContactList)
            sent = await stage.phone.ask(
                types.Send(line="one", to=NUMBERS["other"], text=f"by SMS, {turn}"), types.Sending
            )
            await stage.phone.wait_for_message(
                lambda m, i=sent.message.id: m.id == i and m.state.startswith("sms-s"),  # type: ignore[misc]
                what="the SMS to leave",
            )
            await stage.sms_to_phone(f"hello, {turn}")
            await stage.phone.wait_for_message(
                lambda m, t=turn: m.direction == "in" and m.text == f"hello, {t}",  # type: ignore[misc]
                what="an SMS",
            )
            await stage.phone.ask(types.OpenThread(line="one", number=NUMBERS["other"]), types.MessageList)
            await asyncio.sleep(SETTLE_S)


async def one_line(stage: Stage) -> None:
    """Line one says yes to the first server; line two had said yes to the second one, and no again."""
    async with stage.running(*stage.phone_words(), SSL_CERT_FILE=str(stage.data / "authority.pem")):
        await stage.phone.wait_for_line(lambda line: line.name == "two" and line.sim == "present", what="SIM two")
        await _opt_in(stage, "two", 1)
        await stage.phone.ask(types.OptOut(line="two"), types.OptedOut)
        await asyncio.sleep(SETTLE_S)
        stage.wire.seen.clear()
        await _opt_in(stage, "one", 0)
        await stage.phone.ask(types.Send(line="two", to=NUMBERS["other"], text="by SMS"), types.Sending)
        await stage.phone.ask(types.OpenThread(line="two", number=NUMBERS["other"]), types.MessageList)
        await asyncio.sleep(SETTLE_S)


async def opted_out(stage: Stage) -> None:
    """After the switch shows off there is not one packet any more, whatever the owner does."""
    async with stage.running(*stage.phone_words(), SSL_CERT_FILE=str(stage.data / "authority.pem")):
        await stage.phone.wait_for_line(lambda line: line.name == "one" and line.sim == "present", what="SIM one")
        await _opt_in(stage, "one", 0)
        await stage.phone.ask(types.OptOut(line="one"), types.OptedOut)
        stage.wire.seen.clear()
        await stage.phone.ask(types.Send(line="one", to=NUMBERS["other"], text="by SMS again"), types.Sending)
        await stage.phone.ask(types.OpenThread(line="one", number=NUMBERS["other"]), types.MessageList)
        await asyncio.sleep(SETTLE_S)


async def browser(stage: Stage) -> None:
    """The owner looks at everything in the app, in Chromium, beside the phone, and writes an SMS; nobody said yes."""
    async with stage.running(*stage.phone_words()), async_playwright() as playwright:
        await stage.phone.wait_for_line(lambda line: line.sim == "present", what="the SIM")
        await stage.sms_to_phone("hello")
        chromium = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[*QUIET_BROWSER])
        page = await chromium.new_page()
        await page.goto((await stage.phone.ask(types.OpenApp(), types.AppLink)).link)
        await page.click("#rows .row a")
        await page.wait_for_selector("#text")
        await page.fill("#text", "an answer by SMS")
        await page.click(".send")
        await page.wait_for_selector(".bubble.out")
        for where in ("about", "safety"):
            await page.evaluate(
                "where => { location.hash = location.hash.match(/#.c.[0-9]+/)[0] + '/' + where }", where
            )
            await page.wait_for_selector("a.back[href*='/c/']")
        for where in ("/contacts", "/settings", "/settings/cloud", "/policy", "/privacy"):
            await page.evaluate("where => { location.hash = where }", where)
            await page.wait_for_function("where => location.hash === '#' + where", arg=where)
            await page.wait_for_selector("h1")
        await page.wait_for_selector("text=Nothing.")
        await asyncio.sleep(SETTLE_S)
        await chromium.close()


async def planted_connect(stage: Stage) -> None:
    """A leak: a TCP connection."""
    with contextlib.suppress(OSError), socket.create_connection((WORLD, 443), timeout=2):
        pass
    await asyncio.sleep(0.2)
    del stage


async def planted_dns(stage: Stage) -> None:
    """A leak: a name is looked up with the system's resolver."""
    await asyncio.to_thread(socket.getaddrinfo, "leak.example", 443)
    await asyncio.sleep(0.2)
    del stage


async def planted_ping(stage: Stage) -> None:
    """A leak: one ICMP echo request."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        raw.sendto(struct.pack("!BBHHH", 8, 0, 0xF7FF, 0, 0), (WORLD, 0))
    await asyncio.sleep(0.2)
    del stage


async def _opt_in(stage: Stage, line: str, server: int) -> None:
    await stage.phone.ask(
        types.OptIn(
            line=line,
            server=f"https://{SERVERS[server]}:9443",
            server_key=stage.server_keys[server],
            findable="everyone",
            method="command-line",
        ),
        types.CodeOnItsWay,
    )
    await stage.phone.wait_for_line(
        lambda one: one.name == line and one.state == "on" and one.connected, what=f"line {line} to come on"
    )


SCENARIOS: Final[dict[str, tuple[Scenario, bool]]] = {
    "off": (off, False),
    "one-line": (one_line, True),
    "opted-out": (opted_out, True),
    "browser": (browser, False),
    "planted-connect": (planted_connect, False),
    "planted-dns": (planted_dns, False),
    "planted-ping": (planted_ping, False),
}
"""Name to (what is played, whether servers run)."""


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def _build(world: int, data: Path) -> None:
    """Join the two namespaces. IPv6 goes off first, in both."""
    silence_ipv6 = "for f in /proc/sys/net/ipv6/conf/*/disable_ipv6; do echo 1 > $f; done"
    enter = ["nsenter", f"--net=/proc/{world}/ns/net"]
    for where in ([], enter):
        subprocess.run([*where, "sh", "-c", silence_ipv6], check=True)
    _ip("link", "set", "lo", "up")
    _ip("link", "add", "phone0", "type", "veth", "peer", "name", "world0", "netns", str(world))
    _ip("address", "add", f"{PHONE}/24", "dev", "phone0")
    inside = [
        "ip link set lo up",
        f"ip address add {WORLD}/24 dev world0",
        "ip link set world0 up",
        "ip route add local 0.0.0.0/0 dev lo",  # every address is the world's own
    ]
    subprocess.run([*enter, "sh", "-ec", "\n".join(inside)], check=True)
    _ip("link", "set", "phone0", "up")
    _ip("route", "add", "default", "via", WORLD)
    resolver = data / "resolv.conf"
    resolver.write_text(f"nameserver {WORLD}\noptions timeout:1 attempts:1\n")
    subprocess.run(["mount", "--bind", str(resolver), os.path.realpath("/etc/resolv.conf")], check=True)


@contextlib.contextmanager
def _world() -> Iterator[int]:
    """Keep a namespace open, with somebody in it who answers."""
    answering = Path(__file__).with_name("catch_all.py")
    ports = [str(port) for port in USUAL_PORTS]
    keeper = subprocess.Popen(["unshare", "--net", sys.executable, str(answering), *ports], stdout=subprocess.PIPE)
    assert keeper.stdout is not None
    assert keeper.stdout.readline() == b"waiting\n"
    try:
        yield keeper.pid
    finally:
        keeper.kill()
        keeper.wait()


async def _play(name: str, data: Path, wire: Wire, world: int) -> None:
    scenario, with_servers = SCENARIOS[name]
    stage = Stage(data, wire, world)
    async with AsyncExitStack() as parts:
        sims = [word for sim, number in NUMBERS.items() for word in ("--sim", f"{sim}={number}")]
        carrier = stage.running("carrier", "run", "--data", str(data / "carrier"), *sims, in_world=True)
        gateway = await parts.enter_async_context(carrier)
        if with_servers:
            await _start_servers(stage, parts, gateway["gateway"])
        wire.seen.clear()
        before = wire.counters()
        await scenario(stage)
        after = wire.counters()
    result = {
        "counted": {interface: after[interface] - before.get(interface, 0) for interface in after},
        "captured": dict(wire.seen),
    }
    print(json.dumps(result), flush=True)


async def _start_servers(stage: Stage, parts: AsyncExitStack, gateway: str) -> None:
    certificates = make_authority(stage.data, SERVERS)
    account = json.loads((stage.data / "carrier" / "carrier.json").read_text())
    password = stage.data / "gateway-password"
    password.touch(mode=0o600)
    password.write_text(account["password"])
    for address, (certificate, key) in zip(SERVERS, certificates, strict=True):
        words = [
            *("server", "run", "--data", str(stage.data / f"server-{address}"), "--plain-keyring"),
            *("--http", f"{address}:9443", "--stream", f"{address}:9444"),
            *("--tls-cert", str(certificate), "--tls-key", str(key)),
            *("--sms-gateway", gateway, "--sms-username", account["username"], "--sms-password-file", str(password)),
        ]
        ready = await parts.enter_async_context(stage.running(*words, in_world=True))
        stage.server_keys.append(ready["key"])


def main() -> None:
    """Play one scenario."""
    name, data = sys.argv[1], Path(sys.argv[2])
    with _world() as world:
        _build(world, data)
        uvloop.run(_play(name, data, Wire(), world))


if __name__ == "__main__":
    main()
