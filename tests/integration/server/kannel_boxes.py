"""Debian's Kannel, run with the configuration that docs/how-to ships."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from tests.accounting import not_tested
from tests.ports import free_ports

PAGE: Final = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "connect-an-smsc.md"


def programs() -> tuple[str, str]:
    """Where Kannel's boxes are."""
    path = "/usr/sbin:/usr/bin:/usr/local/sbin"
    bearerbox, smsbox = shutil.which("bearerbox", path=path), shutil.which("smsbox", path=path)
    if bearerbox is None or smsbox is None:
        not_tested("the gateway adapter against Kannel: Debian's package kannel is not installed")
    return bearerbox, smsbox


def shipped_configuration() -> str:
    """The configuration of the how-to page, as it stands there."""
    found = re.search(r"```ini\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found.group(1)


def configured(folder: Path, smsc_port: int) -> tuple[str, int, int]:
    """The shipped configuration with this test's ports and folders; with the ports of `admin` and `sendsms`."""
    admin, smsbox, sendsms = free_ports(3)
    text = shipped_configuration()
    for shipped, ours in (
        ("admin-port = 13000", f"admin-port = {admin}"),
        ("smsbox-port = 13001", f"smsbox-port = {smsbox}"),
        ("sendsms-port = 13013", f"sendsms-port = {sendsms}"),
        ("port = 2775", f"port = {smsc_port}"),
        ("reconnect-delay = 5", "reconnect-delay = 1"),
    ):
        assert text.count(shipped) == 1, shipped
        text = text.replace(shipped, ours)
    return text.replace("/var/log/kannel/", f"{folder}/"), admin, sendsms


@asynccontextmanager
async def boxes(folder: Path, smsc_port: int) -> AsyncIterator[int]:
    """Run bearerbox and smsbox as the page says; yields the port of `sendsms`."""
    bearerbox, smsbox = programs()
    text, admin, sendsms = configured(folder, smsc_port)
    (folder / "kannel.conf").write_text(text, encoding="utf-8")
    # The second ends at once where the first does not listen yet.
    async with box(bearerbox, folder, admin), box(smsbox, folder, sendsms):
        yield sendsms


@asynccontextmanager
async def box(program: str, folder: Path, port: int) -> AsyncIterator[None]:
    """Run one of them until it listens, and then for the block."""
    with (folder / f"{Path(program).name}.terminal").open("wb") as terminal:
        process = await asyncio.create_subprocess_exec(
            program, "-v", "4", str(folder / "kannel.conf"), stdout=terminal, stderr=terminal, cwd=folder
        )
        try:
            await reachable(port)
            yield
        finally:
            process.kill()
            await process.wait()


async def reachable(port: int) -> None:
    """Wait until somebody listens there: Kannel has no way to say that it is ready."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return


def what_kannel_wrote(folder: Path) -> str:
    """Its logs, and what it said on the terminal."""
    files = [*folder.glob("*.log"), *folder.glob("*.terminal")]
    assert len(files) >= 3
    return "".join(file.read_text("latin-1") for file in files)
