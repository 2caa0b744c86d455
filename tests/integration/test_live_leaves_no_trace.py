"""A live message leaves no byte on the server's disk; and nothing that names a person or a text ever lies there."""

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from sayso.carrier.control import ListSims
from sayso.phone import command_types as types
from sayso.protocol.frames import Deposited, DepositState
from sayso.protocol.ids import envelope_id, handle_hash
from tests.aio import run
from tests.integration.nursery import Nursery
from tests.integration.raw_device import enrol, take_all
from tests.integration.world import ALICE, BOB, CAROL, Enrolled, Ports, World, world

pytestmark = pytest.mark.slow
LIVE_TEXTS = 20
CANARY = "The canary sang at noon."
CONTACT = "Bobby Canary"


def test_a_live_message_writes_nothing(nursery: Nursery, place: Path) -> None:
    """From a sender with the grant: no commit, no byte in any file. From a stranger: one outcome, none of the text."""

    async def scenario() -> None:
        async with world(nursery, place, Ports.free()) as made:
            await made.start("carrier")
            await made.start("server")
            sender, recipient = await enrol(made, "alice", seed=1), await enrol(made, "bob", seed=2)
            envelopes = [sender.device.drawn(2048) for _ in range(LIVE_TEXTS + 1)]
            handles = [sender.device.drawn(32) for _ in envelopes]
            async with sender.online(made) as writing, recipient.online(made) as reading:
                await leases_written(made)
                before, passed = contents(place / "server"), len(made.told)
                for ref, (envelope, handle) in enumerate(zip(envelopes[:-1], handles, strict=False), start=1):
                    writing.say(recipient.deposit(ref, envelope, handle, granted=True))
                    assert await take_all(reading, 1) == [envelope]
                    assert (await writing.expect(Deposited)).state is DepositState.DELIVERED
                assert contents(place / "server") == before
                assert len(made.told) == passed

                writing.say(recipient.deposit(1000, envelopes[-1], handles[-1]))
                assert await take_all(reading, 1) == [envelopes[-1]]
                assert (await writing.expect(Deposited)).state is DepositState.ACCEPTED
                assert {one.boundary.name for one in made.told[passed:]} <= {"mailbox.outcomes", *BY_THE_CLOCK}
                assert rows(place, "outcome") == 1
                assert rows(place, "mail") == rows(place, "body") == 0
            await made.stop()
        stored = b"".join(contents(place / "server").values())
        for envelope, handle in zip(envelopes, handles, strict=True):
            assert envelope[:32] not in stored
            assert envelope[-32:] not in stored
            assert bytes(envelope_id(envelope)) not in stored
            assert handle not in stored
        assert [bytes(handle_hash(handle)) in stored for handle in handles] == [False] * LIVE_TEXTS + [True]

    run(scenario())


BY_THE_CLOCK = {"file.heartbeat", "directory.expire", "directory.forget", "directory.renew_leases"}
"""What a server writes each minute, whoever texts."""


async def leases_written(made: World) -> None:
    """Logging in renews the lease, which is written a moment later."""

    def written() -> bool | None:
        renewals = [one for one in made.told if str(one.boundary).startswith("directory.renew_leases")]
        return (len(renewals) > 0 and renewals[-1].boundary.edge == "after") or None

    await made.until(written, "the leases to be written")


def contents(directory: Path) -> dict[str, bytes]:
    """Every byte below a directory, but for the clock's own file."""
    files = [file for file in directory.rglob("*") if file.is_file() and file.name != "heartbeat"]
    return {str(file.relative_to(directory)): file.read_bytes() for file in files}


def rows(place: Path, table: str) -> int:
    database = apsw.Connection(str(place / "server" / "mailbox" / "mailbox.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        count: int = database.execute(f"SELECT count(*) FROM {table}").get  # noqa: S608  names from here
    finally:
        database.close()
    return count


def test_no_file_or_log_names_anybody(nursery: Nursery, enrolled: Enrolled, place: Path) -> None:
    """Numbers, SIMs, names and texts, in every form that we could think of; on the phones the texts are encrypted."""
    enrolled.copy(place)

    async def scenario() -> list[str]:
        async with world(nursery, place, enrolled.ports) as made:
            await made.start("carrier")
            async with made.network() as network:
                sims = (await network.call(ListSims())).sims or []
            await made.start("server", "alice")
            await made.alice.do(types.AddContact(name=CONTACT, number=BOB))
            await made.alice.send(BOB, CANARY)
            await made.alice.sees(CANARY, "accepted")
            await made.start("bob")
            await made.bob.sees(CANARY)
            await made.bob.send(ALICE, CANARY[::-1])
            await made.bob.sees(CANARY[::-1], "delivered")
            await made.alice.send(CAROL, "by SMS: " + CANARY)
            await made.alice.sees("by SMS: " + CANARY, "sms-delivered")
            await made.bob.phone.ask(types.OptOut(), types.OptedOut)
            await made.stop()
        return [identity for sim in sims for identity in (sim.imsi, sim.iccid, sim.imei or "")]

    identities = run(scenario())
    assert len(identities) == 9
    seeds = [ALICE, BOB, CAROL, CANARY, CANARY[::-1], CONTACT, *identities]
    places = [file for file in (place / "server").rglob("*") if file.is_file()] + [place / "server.err"]
    assert len(places) >= 6
    assert leaks(places, seeds) == []
    phones = [file for name in ("alice", "bob") for file in (place / name).rglob("*") if file.is_file()]
    assert leaks(phones, seeds) == []
    # The search finds what is there: the carrier knows all of it but the contact.
    carrier = [file for file in (place / "carrier").rglob("*") if file.is_file()]
    assert {seed for _, seed, _ in leaks(carrier, seeds)} >= {ALICE, BOB, CAROL, *identities}


def leaks(files: list[Path], seeds: list[str]) -> list[tuple[str, str, str]]:
    """File, seed and form of whatever is found."""
    found = []
    for file in files:
        content = file.read_bytes()
        lower = content.lower()
        for seed in seeds:
            for form, data in forms(seed):
                if data in content or (form.endswith("hex") and data in lower):
                    found.append((file.name, seed, form))
    return found


def forms(seed: str) -> Iterator[tuple[str, bytes]]:
    """The ways in which a seed could be written, unsalted digests among them."""
    spellings = {"as it is": seed}
    if seed.startswith("+44"):
        spellings |= {"without plus": seed[1:], "national": "0" + seed[3:], "last digits": seed[3:]}
    for spelling, text in spellings.items():
        for encoding in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le"):
            data = text.encode(encoding)
            yield f"{spelling}, {encoding}", data
            yield f"{spelling}, {encoding}, reversed", data[::-1]
            yield f"{spelling}, {encoding}, hex", data.hex().encode()
            for shift in range(3):
                # Whatever stands before shifts the alphabet; its first and last letters depend on the neighbours.
                whole = base64.b64encode(bytes(shift) + data).rstrip(b"=")
                yield f"{spelling}, {encoding}, base64 + {shift}", whole[4:-1] if shift else whole[:-1]
        for digest in ("md5", "sha1", "sha256", "sha512", "blake2b"):
            hashed = hashlib.new(digest, text.encode())
            yield f"{spelling}, {digest}", hashed.digest()
            yield f"{spelling}, {digest} hex", hashed.hexdigest().encode()
        if text.strip("+").isdigit():
            digits = text.strip("+")
            semi = bytes.fromhex("".join(b + a for a, b in zip(digits[::2], (digits + "f")[1::2], strict=False)))
            yield f"{spelling}, as modems write it", semi
            if len(digits) >= 12:  # fewer make so few bytes that chance finds them
                yield f"{spelling}, as a number", int(digits).to_bytes(8, "big").lstrip(b"\0")
                yield f"{spelling}, as a number, turned", int(digits).to_bytes(8, "little").rstrip(b"\0")
