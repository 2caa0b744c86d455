"""The shipped examples: the unit as systemd reads it, the proxies brought to a test's ports and certificate."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from configparser import RawConfigParser
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DEPLOY: Final = Path(__file__).resolve().parents[3] / "deploy"


class Unit(RawConfigParser):
    """A unit file; where a setting comes twice, both count."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def unit() -> Unit:
    """Read the server's unit."""
    parser = Unit(strict=False)
    text = (DEPLOY / "systemd" / "sayso.service").read_text(encoding="utf-8").replace("\\\n", " ")
    parser.read_string(text)
    return parser


def unit_environment() -> dict[str, str]:
    """What the unit gives to its server beside what every process has."""
    return dict(one.split("=", 1) for one in unit()["Service"]["Environment"].split())


@dataclass
class Proxy:
    """A shipped example, brought to a test's ports and certificate."""

    name: str
    folder: Path
    port: int
    host: str = "chat.example"

    def installed(self) -> bool:
        """Whether the program is on this machine."""
        return bool(shutil.which(self.name)) or Path("/usr/sbin", self.name).exists()

    def configured(self, http: int, stream: int, certificate: Path, key: Path) -> list[str]:
        """Write the configuration; returns the command that runs it in the foreground."""
        if self.name == "nginx":
            text = (DEPLOY / "nginx" / "nginx.conf").read_text(encoding="utf-8")
            for old, new in (
                ("server_name chat.example;", f"server_name {self.host};"),
                ("listen 443 ssl;", f"listen 127.0.0.1:{self.port} ssl;"),
                ("        listen [::]:443 ssl;\n", ""),
                ("/etc/ssl/sayso/fullchain.pem", str(certificate)),
                ("/etc/ssl/sayso/privkey.pem", str(key)),
                ("/run/nginx.pid", str(self.folder / "nginx.pid")),
                ("127.0.0.1:8080", f"127.0.0.1:{http}"),
                ("127.0.0.1:8081", f"127.0.0.1:{stream}"),
            ):
                assert old in text, old
                text = text.replace(old, new)
            file = self.folder / "nginx.conf"
            command = ["nginx", "-e", str(self.folder / "started.log"), "-p", str(self.folder), "-c", str(file)]
            command += ["-g", "daemon off;"]
        else:
            text = (DEPLOY / "caddy" / "Caddyfile").read_text(encoding="utf-8")
            for old, new in (
                ("chat.example {", f"https://{self.host}:{self.port} {{"),
                ("tls {", f"tls {certificate} {key} {{"),
                ("admin off", "admin off\n\tauto_https disable_redirects"),
                ("127.0.0.1:8080", f"127.0.0.1:{http}"),
                ("127.0.0.1:8081", f"127.0.0.1:{stream}"),
            ):
                assert old in text, old
                text = text.replace(old, new)
            file = self.folder / "Caddyfile"
            command = ["caddy", "run", "--config", str(file), "--adapter", "caddyfile"]
        file.write_text(text, encoding="utf-8")
        return command

    @asynccontextmanager
    async def running(self, command: list[str]) -> AsyncIterator[None]:
        """Run it; what it says goes to files in its folder."""
        environment = {**os.environ, "XDG_DATA_HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder)}
        with (self.folder / "said.log").open("wb") as said:
            process = await asyncio.create_subprocess_exec(
                *command, stdout=said, stderr=said, env=environment, cwd=self.folder
            )
        try:
            await _listening(self.port, process)
            yield
        finally:
            process.terminate()
            await process.wait()

    def left(self) -> bytes:
        """Everything that it has written."""
        files = (file for file in self.folder.rglob("*") if file.is_file() and file.name not in _OURS)
        return b"\n".join(file.read_bytes() for file in files)


_OURS: Final = {"nginx.conf", "Caddyfile", "certificate.pem", "key.pem"}


async def _listening(port: int, process: asyncio.subprocess.Process) -> None:
    """Wait until somebody takes connections there."""
    while True:
        assert process.returncode is None, "the proxy did not start"
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionError:
            await asyncio.sleep(0.02)  # refused at once: give the starting process the processor
        else:
            writer.close()
            return
