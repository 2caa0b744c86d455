"""The story, act by act. Each event has happened when it is told, and each number was measured.

leak      a new phone of 2014 (synthetic) lives through the test; the audit finds what left
update    the update comes through TUF and is put in force; its traffic is audited too
silence   factory reset, the same steps: not one packet
one       one person says yes; a text to one who did not is an SMS
both      both have said yes: the text goes by cloud, and the audit of all of it, opened, finds no seed
no        both say no: silence, and the server is empty
"""

import asyncio
import datetime as dt
import importlib.util
import json
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sayso.carrier.adapters.control_client import AsyncControlClient
from sayso.carrier.control import ListSims
from sayso.carrier.core.events import Inject
from sayso.carrier.core.identity import OPERATOR_NAME
from sayso.demo.errors import DemoError
from sayso.demo.processes import Part
from sayso.demo.story.certificates import issue
from sayso.demo.story.network import SERVER, Network
from sayso.demo.story.over_the_air import OverTheAir
from sayso.demo.story.seeds import Audit, Identity, audit, seed_set
from sayso.demo.story.windows import Windows
from sayso.demo.world import password_of, secret_file
from sayso.phone import command_types as types
from sayso.phone.adapters.daemon_client import DaemonClient
from sayso.server.admin import inspect

ALICE: Final = "+447700900001"
BOB: Final = "+447700900002"
ALICE_AT_HOME: Final = "07700900001"
BOB_AT_HOME: Final = "07700900002"
MUST_LEAK: Final = frozenset({"IMEI", "IMSI", "own number", "contact's number", "carrier"})
TEXTS: Final = (
    "I have said yes, you have not, so this is an SMS",
    "Now we both have, and nobody else reads the violet otter",
    "Nor this answer about the seven brass lanterns",
)
MUST_BE_EMPTY: Final = frozenset({"lines", "mailboxes", "envelopes_waiting", "codes_pending"})
"""Counts of the server's that have to be 0 after both have left."""
SETTLE_S: Final = 2.0
"""How long the wire is watched after the last step: longer than any retry or keep-alive that begins at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened."""

    act: str
    at: float
    """Unix seconds."""
    what: str


@dataclass(slots=True, kw_only=True)
class Told:
    """The whole story."""

    events: list[Event] = field(default_factory=list)
    before: Audit | None = None
    over_the_air: Audit | None = None
    packets_after: int = -1
    packets_after_no: int = -1
    cloud: Audit | None = None
    screen: str = ""
    held: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


class Story:
    """Plays it."""

    def __init__(self, folder: Path, network: Network, mirror: Path, *, windows: Windows | None = None) -> None:
        """Set the stage.

        Args:
            folder: for recordings and all state.
            network: built.
            mirror: what the mirror of the updates hands out.
            windows: to show the phones' Messages in. They speak with the phones over lo, which then does not count.
        """
        self._folder = folder
        self._windows = windows
        self._network = network
        self._mirror = mirror
        self._keylog = folder / "keylog.txt"
        self._act = ""
        self.told: Final = Told()

    async def play(self) -> AsyncIterator[Event]:
        """Play all acts; yields each event when it has happened.

        Raises:
            DemoError: something did not come out as it should.
        """
        started = time.monotonic()
        async with AsyncExitStack() as parts:
            tasks = await parts.enter_async_context(asyncio.TaskGroup())
            gateway = await self._carrier(parts, tasks)
            who = await self._identity()
            air = await asyncio.to_thread(OverTheAir, self._folder, self._mirror, _libraries())
            for act in (self._leak(who, air), self._update(who, air), self._silence(air)):
                async for event in act:
                    yield event
            authority = await self._server(parts, tasks, gateway)
            environment = {"SSL_CERT_FILE": str(authority), "SSLKEYLOGFILE": str(self._keylog)}
            async with (
                self._phone(air, tasks, "alice", air.data, environment) as alice,
                self._phone(air, tasks, "bob", self._folder / "bob", environment) as bob,
            ):
                for act in (self._one(alice, bob), self._both(who, alice, bob), self._no(who, alice, bob)):
                    async for event in act:
                        yield event
        self.told.held = inspect(self._folder / "server")
        left = {name: count for name, count in self.told.held.items() if count and name in MUST_BE_EMPTY}
        if left:
            raise DemoError(f"the server is not empty: {', '.join(left)}")
        self.told.seconds = time.monotonic() - started
        yield self._tell("the server's files are counted: no line, no mailbox, no envelope, no consent")

    # The acts.

    async def _leak(self, who: Identity, air: OverTheAir) -> AsyncIterator[Event]:
        self._act = "leak"
        recording, marks = self._folder / "before.pcap", self._folder / "before.pcap.phases"
        self._network.wire.record(recording)
        yield self._tell("SYNTHETIC: a new phone that does what was documented in August 2014 is switched on")
        identity = self._folder / "identity.json"
        identity.write_text(
            json.dumps(
                {
                    "imei": who.imei,
                    "imsi": who.imsi,
                    "national": ALICE_AT_HOME,
                    "contact": BOB_AT_HOME,
                    "carrier": who.carrier,
                }
            )
        )
        words = [str(air.python), "-m", "sayso", "live", str(identity), str(marks)]
        done = await asyncio.to_thread(_run, words)
        if done != 0:
            raise DemoError("the phone of 2014 did not live through the test")
        await asyncio.sleep(0.3)
        yield self._tell("SIM in, network on, contact added, text sent and received, call, cloud login")
        found = await asyncio.to_thread(audit, recording, seed_set(who), marks=marks)
        self.told.before = found
        if not set(found.leaked) >= MUST_LEAK:
            raise DemoError(f"the audit did not find {', '.join(MUST_LEAK - set(found.leaked))}")
        yield self._tell(f"audit: {len(found.report.findings)} findings; left the phone: {', '.join(found.leaked)}")

    async def _update(self, who: Identity, air: OverTheAir) -> AsyncIterator[Event]:
        self._act = "update"
        version = await asyncio.to_thread(air.publish_sayso)
        yield self._tell(f"Sayso {version} is published: signed by both release signers, in force for everybody")
        recording = self._folder / "update.pcap"
        self._network.wire.record(recording)
        update = await asyncio.to_thread(air.apply)
        await asyncio.sleep(0.3)
        self.told.screen = update.screen
        yield self._tell(f"the update came through TUF and is in force: {update.before} before, {update.after} now")
        found = await asyncio.to_thread(audit, recording, seed_set(who))
        self.told.over_the_air = found
        if found.leaked:
            raise DemoError(f"the update itself leaked: {', '.join(found.leaked)}")
        # What comes in is the program itself, whose demo has these very numbers in it.
        yield self._tell(f"audit of the update: {self._network.wire.seen} packets, no seed in what the phone sent")

    async def _silence(self, air: OverTheAir) -> AsyncIterator[Event]:
        self._act = "silence"
        for entry in list(air.data.iterdir()):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        yield self._tell("factory reset")
        self._network.wire.record(self._folder / "after.pcap")
        before = self._counters()
        async with asyncio.TaskGroup() as tasks, self._phone(air, tasks, "alice", air.data, {}) as phone:
            await phone.ask(types.AddContact(name="Bob", number=BOB), types.Done)
            await phone.ask(types.OpenContact(number=BOB), types.ContactList)
            sent = await phone.ask(types.Send(to=BOB, text="by SMS, as ever"), types.Sending)
            await phone.wait_for_message(
                lambda m: m.id == sent.message.id and m.state.startswith("sms-s"), what="the SMS to leave"
            )
            async with AsyncControlClient(self._folder / "carrier" / "control.sock") as carrier:
                await carrier.call(Inject(sender=BOB, to=ALICE, text="and one back"))
            await phone.wait_for_message(lambda m: m.direction == "in", what="an SMS")
            await phone.ask(types.OpenThread(number=BOB), types.MessageList)
            yield self._tell("the same steps with Sayso: SIM in, contact added and looked at, text both ways")
            await asyncio.sleep(SETTLE_S)
        self.told.packets_after = self._packets_since(before)
        if self.told.packets_after:
            raise DemoError(f"{self.told.packets_after} packets left the phone before anybody had said yes")
        where = "all interfaces" if self._windows is None else "all interfaces but lo"
        yield self._tell(f"packets on {where}, counted by the kernel and by the recorder: 0")

    async def _one(self, alice: DaemonClient, bob: DaemonClient) -> AsyncIterator[Event]:
        self._act = "one"
        self._network.wire.record(self._folder / "cloud.pcap")
        for phone, number, name in ((alice, BOB, "Bob"), (bob, ALICE, "Alice")):
            await phone.ask(types.AddContact(name=name, number=number), types.Done)
        await self._opt_in(alice)
        yield self._tell("Alice says yes; the code came by SMS")
        message = await self._text(alice, BOB, TEXTS[0], until={"sms-delivered"})
        if message.channel != "sms":
            raise DemoError("a text to somebody who has not said yes did not go by SMS")
        yield self._tell("Alice texts Bob, who has not: SMS")

    async def _both(self, who: Identity, alice: DaemonClient, bob: DaemonClient) -> AsyncIterator[Event]:
        self._act = "both"
        await self._opt_in(bob)
        yield self._tell("Bob says yes")
        for sender, to, text in ((alice, BOB, TEXTS[1]), (bob, ALICE, TEXTS[2])):
            message = await self._text(sender, to, text, until={"delivered", "read"})
            if message.channel != "cloud":
                raise DemoError("a text between two who have said yes did not go by cloud")
        yield self._tell("they text each other, both ways: cloud, delivered")
        found = await self._audit_cloud(who)
        yield self._tell(
            f"audit of all of that, TLS opened with the phones' own session keys: {found.report.stats.exchanges} "
            "exchanges seen into, no seed in any form"
        )

    async def _audit_cloud(self, who: Identity) -> Audit:
        """Audit all of the cloud's traffic so far, opened with the phones' own TLS keys."""
        await asyncio.sleep(0.5)
        recording = self._folder / "cloud-opened.pcap"
        shutil.copy(self._folder / "cloud.pcap", recording)
        found = await asyncio.to_thread(audit, recording, seed_set(who, TEXTS), keylog=self._keylog)
        self.told.cloud = found
        if found.met:
            raise DemoError(f"the audit found in the cloud's traffic: {', '.join(found.met)}")
        locked = [unseen for unseen in found.report.not_seen_into if unseen.protocol == "tls"]
        if locked or not any("websocket" in seen.what for seen in found.seen):
            raise DemoError("the audit did not see into all of the cloud's traffic")
        return found

    async def _no(self, who: Identity, alice: DaemonClient, bob: DaemonClient) -> AsyncIterator[Event]:
        self._act = "no"
        for phone in (alice, bob):
            left = await phone.ask(types.OptOut(), types.OptedOut)
            if not left.erased:
                raise DemoError("the server did not confirm that it erased everything")
        yield self._tell("both say no; the server has erased, and signed for it")
        for name, phone in (("alice", alice), ("bob", bob)):
            await self._show(name, phone)  # a no ends the sessions that were open
        await asyncio.sleep(SETTLE_S)
        await self._audit_cloud(who)
        yield self._tell("audit of the whole evening, the two noes with it: no seed in any form")
        self._network.wire.record(self._folder / "no.pcap")
        before = self._counters()
        # Bob was in the cloud, so the phone asks before it takes the other way.
        asked = await alice.ask(types.Send(to=BOB, text="by SMS again"), types.Sending)
        await alice.ask(types.SendAsSms(id=asked.message.id), types.Sending)
        message = await alice.wait_for_message(
            lambda one: one.id == asked.message.id and one.state == "sms-delivered", what="the SMS to arrive"
        )
        await alice.ask(types.OpenContact(number=BOB), types.ContactList)
        await asyncio.sleep(SETTLE_S)
        self.told.packets_after_no = self._packets_since(before)
        if self.told.packets_after_no or message.channel != "sms":
            raise DemoError("a phone whose owner had said no was not silent")
        yield self._tell("a text again, which Alice is asked about, and a look at a contact: SMS, and 0 packets")

    # What they are made of.

    def _tell(self, what: str) -> Event:
        event = Event(act=self._act, at=time.time(), what=what)
        self.told.events.append(event)
        return event

    def _counters(self) -> int:
        return self._network.wire.counters(loopback=self._windows is None)

    def _packets_since(self, before: int) -> int:
        """Return the packets since `before` and since the recording began, whichever of the two counts sees more."""
        wire = self._network.wire
        return max(wire.seen if self._windows is None else wire.seen_outside, self._counters() - before)

    async def _show(self, name: str, phone: DaemonClient) -> None:
        if self._windows is not None:
            await self._windows.show(name, phone)

    async def _opt_in(self, phone: DaemonClient) -> None:
        ready = json.loads((self._folder / "server" / "server.json").read_bytes())
        command = types.OptIn(
            server=f"https://{SERVER}:9443", server_key=ready["key"], findable="everyone", method="command-line"
        )
        await phone.ask(command, types.CodeOnItsWay)
        await phone.wait_for_line(lambda line: line.state == "on" and line.connected, what="the line to come on")

    async def _text(self, sender: DaemonClient, to: str, text: str, *, until: set[str]) -> types.Message:
        sending = await sender.ask(types.Send(to=to, text=text), types.Sending)
        return await sender.wait_for_message(
            lambda message: message.id == sending.message.id and message.state in until, what="an outcome"
        )

    async def _carrier(self, parts: AsyncExitStack, tasks: asyncio.TaskGroup) -> str:
        sims = ["--sim", f"alice={ALICE}", "--sim", f"bob={BOB}"]
        part = await self._elsewhere(
            parts, "carrier", ["carrier", "run", "--data", str(self._folder / "carrier"), *sims]
        )
        return (await part.start(tasks))["gateway"]

    async def _server(self, parts: AsyncExitStack, tasks: asyncio.TaskGroup, gateway: str) -> Path:
        authority, certificate, key = issue(self._folder, SERVER, dt.datetime.now(dt.UTC))
        username, password = password_of(self._folder / "carrier" / "carrier.json", self._folder / "gateway-password")
        passphrase = secret_file(self._folder / "passphrase")
        words = [
            *("server", "run", "--data", str(self._folder / "server"), "--passphrase-file", str(passphrase)),
            *("--http", f"{SERVER}:9443", "--stream", f"{SERVER}:9444"),
            *("--tls-cert", str(certificate), "--tls-key", str(key)),
            *("--sms-gateway", gateway, "--sms-username", username, "--sms-password-file", str(password)),
        ]
        part = await self._elsewhere(parts, "server", words)
        await part.start(tasks)
        return authority

    async def _elsewhere(self, parts: AsyncExitStack, name: str, words: Sequence[str]) -> Part:
        start = self._network.in_world([sys.executable, "-m", "sayso"])
        return await parts.enter_async_context(Part(name, words, start=start))

    @asynccontextmanager
    async def _phone(
        self, air: OverTheAir, tasks: asyncio.TaskGroup, name: str, data: Path, environment: dict[str, str]
    ) -> AsyncIterator[DaemonClient]:
        """Run a phone with the release in force, by way of the switch."""
        passphrase = secret_file(self._folder / "passphrase")
        modem = self._folder / "carrier" / "modems" / f"{name}.sock"
        words = ["phone", "run", "--data", str(data), "--passphrase-file", str(passphrase)]
        words += ["--modem", f"sim=carrier:{modem}", "--mark-dir", str(self._folder / "marks")]
        words += ["--no-web" if self._windows is None else "--web"]
        start = [str(air.python), "-P", "-m", "sayso"]
        async with Part(f"phone of {name}", words, start=start, environment=environment) as part:
            await part.start(tasks)
            client = DaemonClient(data)
            await client.wait_for_line(lambda line: line.sim == "present", what="the SIM")
            await self._show(name, client)
            try:
                yield client
            finally:
                if self._windows is not None:
                    self._windows.close(name)

    async def _identity(self) -> Identity:
        async with AsyncControlClient(self._folder / "carrier" / "control.sock") as carrier:
            sims = {sim.name: sim for sim in (await carrier.call(ListSims())).sims or []}
        alice, bob = sims["alice"], sims["bob"]
        return Identity(
            number=ALICE,
            imei=alice.imei or "",
            imsi=alice.imsi,
            iccid=alice.iccid,
            carrier=OPERATOR_NAME,
            contact_name="Bob",
            contact=BOB,
            contact_imei=bob.imei or "",
            contact_imsi=bob.imsi,
            contact_iccid=bob.iccid,
        )


def _libraries() -> Path:
    """Where this environment has its libraries."""
    spec = importlib.util.find_spec("msgspec")
    if spec is None or spec.origin is None:
        raise DemoError("the libraries of this environment cannot be found")
    return Path(spec.origin).parent.parent


def _run(words: Sequence[str]) -> int:
    return subprocess.run(words, check=False, timeout=120).returncode  # noqa: S603  our own words
