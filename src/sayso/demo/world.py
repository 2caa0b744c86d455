"""Carrier, server and two phones on loopback, in one directory."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from sayso.demo.processes import Part
from sayso.phone.adapters.daemon_client import DaemonClient

PEOPLE: Final = {"alice": "+447700900001", "bob": "+447700900002"}
"""Numbers from a range that is reserved for fiction."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Somebody with a phone."""

    name: str
    number: str
    data: Path
    modem: Path
    phone: DaemonClient


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """What is running."""

    data: Path
    server_url: str
    server_key: str
    people: dict[str, Person] = field(repr=False)


@asynccontextmanager
async def running_world(data: Path) -> AsyncIterator[World]:
    """Start everything below `data`, and stop it at the end.

    Raises:
        DemoError: a part did not start.
    """
    _make_directory(data)
    sims = [word for name, number in PEOPLE.items() for word in ("--sim", f"{name}={number}")]
    carrier = Part("carrier", ["carrier", "run", "--data", str(data / "carrier"), *sims])
    passphrase = secret_file(data / "passphrase")
    async with asyncio.TaskGroup() as tasks, carrier:
        gateway = await carrier.start(tasks)
        password = password_of(data / "carrier" / "carrier.json", data / "gateway-password")
        server = Part(
            "server",
            [
                *("server", "run", "--data", str(data / "server"), "--passphrase-file", str(passphrase)),
                *("--http", "127.0.0.1:0", "--stream", "127.0.0.1:0", "--sms-gateway", gateway["gateway"]),
                *("--sms-username", password[0], "--sms-password-file", str(password[1])),
            ],
        )
        people = {
            name: Person(
                name=name,
                number=number,
                data=data / name,
                modem=Path(gateway["modems"]) / f"{name}.sock",
                phone=DaemonClient(data / name),
            )
            for name, number in PEOPLE.items()
        }
        async with server:
            addresses = await server.start(tasks)
            # The settings suggest this server; the phones ask nothing of it before their owners say yes.
            suggested = ("--server", addresses["http"], "--server-key", addresses["key"])
            phones = [
                Part(
                    f"phone of {person.name}",
                    [
                        *("phone", "run", "--data", str(person.data), "--passphrase-file", str(passphrase)),
                        *("--modem", f"sim={person.modem}", "--mark-dir", str(data / "marks"), *suggested),
                    ],
                )
                for person in people.values()
            ]
            async with phones[0], phones[1]:
                await asyncio.gather(*[tasks.create_task(part.start(tasks)) for part in phones])
                yield World(data=data, server_url=addresses["http"], server_key=addresses["key"], people=people)


def _make_directory(data: Path) -> None:
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    (data / "demo.json").write_text("{}\n")


def secret_file(path: Path) -> Path:
    """Make a throw-away passphrase, readable by nobody else."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(16) + "\n")
    return path


class _Gateway(msgspec.Struct):
    username: str
    password: str


def password_of(carrier_file: Path, password_file: Path) -> tuple[str, Path]:
    """Hand the gateway's password from the carrier to the server by a file of mode 600."""
    gateway = msgspec.json.decode(carrier_file.read_bytes(), type=_Gateway)
    password_file.touch(mode=0o600)
    password_file.write_text(gateway.password + "\n")
    return gateway.username, password_file
