"""Settings > Updates: a consent of its own, asked with its text, and taken back in one tap."""

from pathlib import Path

from sayso.cli.phone_updates import InstallationSwitch
from sayso.phone.core.lines import LineState
from sayso.update.adapters.home import Settings
from sayso.update.app import Installation
from sayso.update.consent_text import update_policy
from tests.aio import run
from tests.fakes.web_app import error, outcome, web_app

DIGEST = update_policy().sha256.hex()


def test_from_off_to_on_to_off(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "home")
    installation.home.make(Settings(url="https://updates.example"), b"{}", installation.random)

    async def main() -> None:
        async with web_app(tmp_path, updates=InstallationSwitch(tmp_path / "home")) as app:
            browser = await app.browser()
            assert b"#/settings/updates" in (await browser.get("/settings")).body
            page = (await browser.get("/settings/updates")).body.decode()
            assert "Off: Sayso looks for nothing" in page
            assert "https://updates.example" in page
            assert "does not look for updates until you say yes" in page
            assert "Not now" in page

            answer = await browser.post("/settings/updates/on", {"policy_sha256": "0" * 64})
            assert "read it again" in error(answer)
            assert installation.consents.given() is None
            assert outcome(await browser.post("/settings/updates/on", {"policy_sha256": DIGEST}))["refresh"] == "main"
            assert installation.consents.given() is not None
            assert "looks for updates about once a day" in (await browser.get("/settings/updates")).body.decode()
            assert app.phone.state is LineState.OFF, "it says nothing of Cloud Messaging"

            await browser.post("/settings/updates/off")
            assert installation.consents.given() is None

    run(main())


def test_a_phone_that_gets_its_updates_from_elsewhere_has_no_switch(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            assert b"#/settings/updates" not in (await browser.get("/settings")).body
            assert "from elsewhere" in error(await browser.get("/settings/updates"))
            assert "from elsewhere" in error(await browser.post("/settings/updates/on", {"policy_sha256": DIGEST}))

    run(main())
