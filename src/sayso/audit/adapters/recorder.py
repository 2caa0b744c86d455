"""Recording with mitmproxy, which lives in an environment of its own.

Every release of mitmproxy caps `cryptography` below ours, so the two cannot share one. `install` makes the environment;
`Recording` runs `mitmdump` from it and turns what our addon says there into `Listening` and `Refused`.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sayso.audit.errors import RecorderError

REQUIREMENT: Final = "mitmproxy>=11,<13"
SIGN: Final = "sayso>"
_ADDON: Final = Path(__file__).with_name("mitmproxy_addon.py")


def home() -> Path:
    """Where the environment lies, by the XDG convention."""
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "sayso" / "recorder"


def program(folder: Path) -> Path:
    """The `mitmdump` of an environment."""
    return folder / "bin" / "mitmdump"


def install(folder: Path, *, python: str = sys.executable) -> None:
    """Make the environment, anew if there is one.

    Raises:
        RecorderError: no environment can be made, or pip cannot install mitmproxy.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    for command, doing in (
        ([python, "-m", "venv", "--clear", str(folder)], "make an environment"),
        ([str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", REQUIREMENT], f"install {REQUIREMENT}"),
    ):
        done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603  our own arguments
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise RecorderError(f"cannot {doing} in {folder}: {last}")


@dataclass(frozen=True, slots=True)
class Listening:
    """The proxy waits for a phone."""

    mode: str
    addresses: tuple[tuple[str, int], ...]
    wireguard: str = ""
    """The configuration that the phone's WireGuard app takes; empty in the other modes."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An app did not accept our certificate."""

    time: float
    host: str
    port: int


class Recording:
    """One run of mitmdump.

    Raises:
        RecorderError: it is not installed, or cannot be started.
    """

    def __init__(
        self, capture: Path, *, mode: str, host: str = "", port: int = 0, folder: Path, confdir: Path | None = None
    ) -> None:
        command = [str(program(folder)), "--quiet", "--mode", mode, "-w", str(capture), "-s", str(_ADDON)]
        if host:
            command += ["--listen-host", host]
        if port:
            command += ["--listen-port", str(port)]
        if confdir is not None:
            command += ["--set", f"confdir={confdir}"]
        if not program(folder).exists():
            raise RecorderError("mitmproxy is not installed yet: sayso audit record --install")
        try:
            self._process = subprocess.Popen(  # noqa: S603  our own arguments, no shell
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                errors="backslashreplace", start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise RecorderError(f"mitmproxy cannot be started ({error.strerror})") from error

    def events(self) -> Iterator[Listening | Refused]:
        """Yield what happens, until mitmproxy ends.

        Raises:
            RecorderError: it ended by itself, with what it said last.
        """
        last = ""
        for line in self._process.stdout or ():
            if not line.startswith(SIGN):
                last = line.strip() or last
                continue
            event = _event(line.removeprefix(SIGN))
            if event is not None:
                yield event
        code = self._process.wait()
        if code not in {0, -signal.SIGINT, -signal.SIGTERM}:
            raise RecorderError(f"mitmproxy ended: {last or f'exit code {code}'}")

    def stop(self) -> None:
        """Let it write what it holds and end."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def _event(line: str) -> Listening | Refused | None:
    try:
        match json.loads(line):
            case {"event": "listening", "mode": str(mode), "addresses": list(addresses), "conf": conf}:
                pairs = tuple((str(one[0]), int(one[1])) for one in addresses)
                return Listening(mode, pairs, conf if isinstance(conf, str) else "")
            case {"event": "refused", "time": float(when), "host": str(host), "port": int(port)}:
                return Refused(when, host, port)
            case _:
                return None
    except (ValueError, IndexError, TypeError):
        return None
