"""Two browser windows to watch the story in: each phone's own Messages, in the phones' namespace.

The browser is told to keep to itself: what it would ask its maker would be counted as packets of the phones.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sayso.demo.errors import DemoError
from sayso.phone import command_types as types
from sayso.phone.adapters.daemon_client import DaemonClient

PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_QUIET: Final = (
    *("--no-first-run", "--no-default-browser-check", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--disable-quic", "--disable-default-apps", "--disable-domain-reliability", "--disable-gpu"),
    # It would ask its maker for the time, updates and more all the same: no name but the app's leads anywhere.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE *.localhost",
    "--test-type",  # no bar that complains of these flags
    "--no-sandbox",  # in its user namespace this process is root; it shows pages of the phones only
)
_WIDTH, _HEIGHT = 620, 860
_CLOSE_S: Final = 10.0


def find_browser() -> str:
    """Return a browser that can be told to keep to itself.

    Raises:
        DemoError: there is none, or no screen to show it on.
    """
    found = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
    if found is None:
        raise DemoError("the windows need Chromium: apt-get install chromium, or say --browser PROGRAM")
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise DemoError("the windows need a screen, and there is none here: leave out --windows")
    return found


class Windows:
    """The windows that are open, one for each name, side by side."""

    def __init__(self, browser: str, folder: Path) -> None:
        self._browser = browser
        self._folder = folder
        self._open: dict[str, subprocess.Popen[bytes]] = {}
        self._places: dict[str, int] = {}

    async def show(self, name: str, phone: DaemonClient) -> None:
        """Open a phone's Messages; a window that the name has already is closed first.

        Raises:
            CommandError: the phone serves no web app.
            DemoError: the browser cannot be started.
        """
        app = await phone.ask(types.OpenApp(), types.AppLink)
        self._start(name, Path(app.file))

    def _start(self, name: str, page: Path) -> None:
        self.close(name)
        place = self._places.setdefault(name, len(self._places))
        words = [
            *(self._browser, *_QUIET, f"--user-data-dir={self._folder / f'browser-{name}'}"),
            *(f"--window-size={_WIDTH},{_HEIGHT}", f"--window-position={place * _WIDTH},0"),
            f"--app={page.resolve().as_uri()}",  # a file, not the link: command lines can be read by others
        ]
        try:
            with (self._folder / f"browser-{name}.log").open("ab") as log:
                self._open[name] = subprocess.Popen(words, stdout=log, stderr=log, start_new_session=True)  # noqa: S603  the owner's browser
        except OSError as error:
            raise DemoError(f"{self._browser} cannot be started: {error.strerror}") from error

    def close(self, name: str) -> None:
        """Close a window, if it is open."""
        process = self._open.pop(name, None)
        if process is not None:
            process.terminate()
            try:
                process.wait(_CLOSE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def close_all(self) -> None:
        """Close all windows."""
        for name in list(self._open):
            self.close(name)


@contextmanager
def opened(browser: str | None, folder: Path) -> Iterator[Windows | None]:
    """Hold windows, which are closed at the end; without a browser there are none."""
    windows = None if browser is None else Windows(browser, folder)
    try:
        yield windows
    finally:
        if windows is not None:
            windows.close_all()
