"""A phone that libGammu's dummy driver plays, and Debian's `gammu` beside it."""

import os
import shutil
import subprocess
from functools import partial
from pathlib import Path

from sayso.phone.adapters.gammu import GammuSource
from sayso.phone.adapters.polled_modem import PolledModem
from sayso.phone.adapters.programs import gammu_worker
from sayso.phone.adapters.system import SystemClock
from tests.accounting import not_tested
from tests.fakes.handed_book import FakeBook

BOB = "+447700900002"


class GammuPhone:
    """libGammu's dummy: a folder that says it is a phone."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("gammu")
        if program is None:
            not_tested("Gammu beside its own program: gammu is not installed")
        self._program = program
        self.folder = folder / "phone"
        self.folder.mkdir()
        self.config = folder / "gammurc"
        self.config.write_text(f"[gammu]\nmodel = dummy\nconnection = none\ndevice = {self.folder}\n", encoding="utf-8")
        self.book = FakeBook()

    def modem(self, *, patience_s: float = 3600.0) -> PolledModem:
        source = GammuSource(partial(gammu_worker, str(self.config)))
        return PolledModem(source, book=self.book, clock=SystemClock(), every_s=0.02, patience_s=patience_s)

    def gammu(self, *words: str, given: str = "") -> str:
        environment = os.environ | {"LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            [self._program, "-c", self.config, *words],
            input=given,
            env=environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        return done.stdout

    def receive(self, text: str, *more: str, sender: str = BOB) -> None:
        """Store an SMS as `gammu` does, which says of it that it goes out; make of it one that came."""
        before = set(self.stored())
        self.gammu("savesms", "TEXT", "-folder", "1", "-unread", "-sender", sender, *more, "-text", text)
        for file in set(self.stored()) - before:
            lines = file.read_text(encoding="utf-8")
            aside = file.with_name("new")
            aside.write_text(lines.replace("PDU = Submit", "PDU = Deliver"), encoding="utf-8")
            aside.rename(file)

    def stored(self) -> list[Path]:
        inbox = self.folder / "sms" / "1"
        found = [one for one in inbox.iterdir() if one.name.isdigit()] if inbox.exists() else []
        return sorted(found, key=lambda one: int(one.name))
