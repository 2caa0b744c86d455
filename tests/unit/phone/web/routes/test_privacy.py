"""What has left this phone: of the lines and of the update channel, in words, and nothing before a yes."""

from pathlib import Path

from sayso.cli.phone_updates import InstallationSwitch
from sayso.consent.ports import Attempt
from sayso.update.adapters.consent_file import FileJournal
from sayso.update.adapters.home import Settings
from sayso.update.app import Installation
from tests.aio import run
from tests.fakes.web_app import web_app


def attempt(second: float, purpose: str, host: str = "sayso.example") -> Attempt:
    return Attempt(at=second, host=host, port=443, purpose=purpose)


def test_before_a_yes_it_says_that_there_is_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            shown = (await browser.get("/privacy")).body.decode()
            assert "Sayso has made no connection from this phone, ever." in shown
            assert "Nothing, ever" in (await browser.get("/settings")).body.decode()

    run(main())


def test_each_connection_with_its_purpose_and_its_bytes(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            journal = app.phone.store.journal(app.phone.line)
            journal.closed(journal.opened(attempt(1.0, "requests")), sent_bytes=1010, received_bytes=20)
            journal.opened(attempt(2.0, "messages"))
            shown = (await browser.get("/privacy")).body.decode()
            assert "<strong>2</strong> connections ever" in shown
            assert "sayso.example:443" in shown
            assert "↑ 1 kB" in shown
            assert shown.index("What messages come and go by") < shown.index("looking up blinded numbers")
            browser.language = "de"
            assert "Worüber Nachrichten kommen und gehen" in (await browser.get("/privacy")).body.decode()

    run(main())


def test_looking_for_updates_is_a_connection_too(tmp_path: Path) -> None:
    """It has a consent and a journal of its own; a page that left it out would say `nothing` where something was."""
    home = tmp_path / "home"
    installation = Installation(home)
    installation.home.make(Settings(url="https://updates.example"), b"{}", installation.random)

    async def main() -> None:
        async with web_app(tmp_path, updates=InstallationSwitch(home)) as app:
            browser = await app.browser()
            assert "Nothing." in (await browser.get("/privacy")).body.decode()
            journal = FileJournal(home / "connections.jsonl")
            number = journal.opened(attempt(1.0, "updates", "updates.example"))
            assert "open" in (await browser.get("/privacy")).body.decode()
            journal.closed(number, sent_bytes=30, received_bytes=40)
            shown = (await browser.get("/privacy")).body.decode()
            assert "updates.example:443" in shown
            assert "Looking for an update" in shown
            assert "1 connection ever" in (await browser.get("/settings")).body.decode()

    run(main())
