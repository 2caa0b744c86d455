"""The system `sayso` for a bench of several servers: how it is prepared, started and found."""

import asyncio
import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, Final

from servers.base import Server  # type: ignore[import-not-found]  # of the bench that loads this file

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench.accounts import seed  # noqa: E402  found by the line above
from bench.server import DIRECTORY  # noqa: E402
from sayso.server.adapters.private_file import make_private_directory  # noqa: E402
from scripts.compiled import ensure  # noqa: E402

_HTTP_PORT: Final = 25_610
_PATIENCE_S: Final = 60.0


class Sayso(Server):  # type: ignore[misc]  # its base has no types
    """`sayso server run`: embedded storage, synchronous=FULL, as it ships; budgets of lines lifted."""

    adapter = "sayso"
    port = 25_611
    notes = "accepted after the fsync; delivered after the recipient's acknowledgement, with nothing on disk"
    lean: ClassVar[bool] = False
    interpreted: ClassVar[bool] = False

    def version(self) -> str:
        """Return the version."""
        return f"sayso {version('sayso')}"

    def prepare(self) -> None:
        """Seed the accounts."""
        data = self._data()
        make_private_directory(data)
        asyncio.run(seed(data / DIRECTORY, self.users))
        password = data.with_suffix(".password")
        password.write_text("unused\n", encoding="utf-8")
        password.chmod(0o600)

    def start(self) -> None:
        """Start, and wait until it serves: its ports are taken long before."""
        data = self._data()
        found = data / "server.json"
        found.unlink(missing_ok=True)
        command = [
            "env", *_package(interpreted=self.interpreted),
            sys.executable, "-m", "sayso", "server", "run", "--data", str(data), "--plain-keyring", "--debuggable",
            "--http", f"127.0.0.1:{_HTTP_PORT}", "--stream", f"127.0.0.1:{self.port}",
            "--sms-gateway", "http://127.0.0.1:9/cgi-bin/sendsms",
            "--sms-password-file", str(data.with_suffix(".password")), "--line-deposits", str(10**12), "--json",
        ]  # fmt: skip
        self.spawn(command + (["--lean-connections"] if self.lean else []))
        self.wait_port()
        end = time.monotonic() + _PATIENCE_S
        while not found.exists():
            if time.monotonic() > end:
                raise TimeoutError("the server does not serve")
            time.sleep(0.05)

    def adapter_opts(self) -> dict[str, Any]:
        """Tell the driver which server it signs its logins for."""
        key = json.loads((self._data() / "server.json").read_text("utf-8"))["key"]
        return {"port": self.port, "key": key}

    def _data(self) -> Path:
        return Path(self.dir) / "server"


class SaysoLean(Sayso):
    """The same with `--lean-connections`."""

    lean = True


class SaysoInterpreted(Sayso):
    """The same without its compiled core."""

    interpreted = True


def _package(*, interpreted: bool) -> list[str]:
    return [] if interpreted else [f"PYTHONPATH={ensure()}"]


SYSTEMS: Final = {"sayso": Sayso, "sayso-lean": SaysoLean, "sayso-interpreted": SaysoInterpreted}
