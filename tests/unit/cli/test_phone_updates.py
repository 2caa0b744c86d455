"""The phone's switch for updates, over a real installation: what it writes is what the update channel reads."""

from pathlib import Path

import pytest

from sayso.cli.phone_updates import InstallationSwitch
from sayso.phone.errors import CommandError
from sayso.update.adapters.home import Settings
from sayso.update.app import Installation
from sayso.update.consent_text import update_policy

URL = "https://updates.example"


def installed(folder: Path) -> Installation:
    """An installation in which nothing is agreed to."""
    installation = Installation(folder / "home")
    installation.home.make(Settings(url=URL), b"{}", installation.random)
    return installation


def test_off_until_the_owner_agrees_to_the_text_that_was_shown(tmp_path: Path) -> None:
    installation = installed(tmp_path)
    switch = InstallationSwitch(tmp_path / "home")
    shown = switch.look()
    assert (shown.on, shown.server) == (False, URL)
    assert shown.policy_sha256 == update_policy().sha256
    assert "does not look for updates until you say yes" in shown.policy_text
    assert installation.consents.gate() is None

    with pytest.raises(CommandError, match="read it again"):
        switch.agree(policy_sha256=b"?" * 32, method="settings-switch")
    assert not switch.look().on

    switch.agree(policy_sha256=shown.policy_sha256, method="settings-switch")
    given = installation.consents.given()
    assert given is not None
    assert (given.record.method, given.record.server) == ("settings-switch", URL)
    assert switch.look().on

    switch.stop()
    assert installation.consents.gate() is None
    assert not switch.look().on
    switch.stop()  # a no without a yes changes nothing


def test_a_yes_to_another_address_is_no_yes_to_this_one(tmp_path: Path) -> None:
    installation = installed(tmp_path)
    installation.consents.give("https://elsewhere.example", root_sha256=b"r" * 32, method="command-line")
    assert not InstallationSwitch(tmp_path / "home").look().on


def test_an_installation_that_is_none_is_told_as_an_error_of_the_command(tmp_path: Path) -> None:
    switch = InstallationSwitch(tmp_path / "nothing")
    for act in (switch.look, lambda: switch.agree(policy_sha256=update_policy().sha256, method="test")):
        with pytest.raises(CommandError, match="sayso update init"):
            act()
    damaged = installed(tmp_path)
    (damaged.home.path / "update-consent.json").write_text("no record")
    with pytest.raises(CommandError, match="damaged"):
        InstallationSwitch(damaged.home.path).look()
