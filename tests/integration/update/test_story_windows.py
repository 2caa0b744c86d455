"""The story's windows: one browser for each phone, told to keep to itself, and never shown a link in its words."""

import json
import os
import sys
from pathlib import Path

import pytest

from sayso.demo.errors import DemoError
from sayso.demo.story.windows import find_browser, opened
from sayso.phone import command_types as types
from sayso.phone.adapters.daemon_client import DaemonClient
from tests.aio import run

LINK = "http://sayso-0123.localhost:1/#open=secret"
BROWSER = """#!{python}
import json, os, pathlib, sys, time
place = pathlib.Path({folder!r}) / f"started-{{os.getpid()}}.json"
place.with_suffix(".part").write_text(json.dumps(sys.argv[1:]))
place.with_suffix(".part").rename(place)
time.sleep(600)
"""


class _Phone(DaemonClient):
    """Answers with a link to the app, as a phone that serves it does."""

    def __init__(self, page: Path) -> None:
        super().__init__(page.parent)
        self._page = page

    async def ask(self, command: types.Command, _wanted: type) -> object:  # type: ignore[override]  # one answer only
        assert isinstance(command, types.OpenApp)
        return types.AppLink(link=LINK, file=str(self._page), expires_s=60)


def _browser(folder: Path) -> str:
    program = folder / "browser"
    program.write_text(BROWSER.format(python=sys.executable, folder=str(folder)))
    program.chmod(0o755)
    return str(program)


def _started(folder: Path) -> dict[int, list[str]]:
    return {int(one.stem.partition("-")[2]): json.loads(one.read_text()) for one in folder.glob("started-*.json")}


def test_one_window_for_each_phone_and_none_when_it_is_over(tmp_path: Path) -> None:
    page = tmp_path / "link.html"
    page.write_text("to the app")
    phone = _Phone(page)
    with opened(_browser(tmp_path), tmp_path) as windows:
        assert windows is not None
        for opening, name in enumerate(("alice", "bob", "alice")):
            run(windows.show(name, phone))
            while len(_started(tmp_path)) <= opening:
                os.sched_yield()
        processes = list(_started(tmp_path))
        running = [pid for pid in processes if Path(f"/proc/{pid}").exists()]
        assert len(processes) == 3
        assert len(running) == 2, "a second window of one phone takes the place of the first"
    assert not [pid for pid in processes if Path(f"/proc/{pid}").exists()]
    for words in _started(tmp_path).values():
        assert f"--app={page.as_uri()}" in words
        assert not any("secret" in word for word in words), "a command line can be read by others"
        assert "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE *.localhost" in words
    profiles = [next(word for word in words if "user-data-dir" in word) for words in _started(tmp_path).values()]
    assert len(set(profiles)) == 2


def test_without_a_browser_there_are_no_windows(tmp_path: Path) -> None:
    with opened(None, tmp_path) as windows:
        assert windows is None


def test_a_browser_that_is_none(tmp_path: Path) -> None:
    page = tmp_path / "link.html"
    page.write_text("to the app")
    with opened(str(tmp_path / "nothing"), tmp_path) as windows:
        assert windows is not None
        with pytest.raises(DemoError, match="cannot be started"):
            run(windows.show("alice", _Phone(page)))


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DemoError, match="apt-get install chromium"):
        find_browser()
    chromium = tmp_path / "chromium"
    chromium.write_text("#!/bin/sh\n")
    chromium.chmod(0o755)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(DemoError, match="need a screen"):
        find_browser()
    monkeypatch.setenv("DISPLAY", ":0")
    assert find_browser() == str(chromium)
