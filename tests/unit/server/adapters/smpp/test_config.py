"""What is refused before anything is connected."""

from pathlib import Path

import pytest

from sayso.server.adapters.smpp.config import SmppConfig, check_smpp
from sayso.server.adapters.smpp.session import Timing
from sayso.server.errors import ConfigError


def config(**changes: object) -> SmppConfig:
    fields: dict[str, object] = {
        "address": "127.0.0.1:2775",
        "system_id": "sayso",
        "password": "secret",
        "sender": "Sayso",
    }
    return SmppConfig(**(fields | changes))  # type: ignore[arg-type]  # fields by name, for brevity


@pytest.mark.parametrize("sender", ["Sayso", "+12025550100", "72976", "A B-1"])
def test_what_is_right_passes(sender: str) -> None:
    checked = check_smpp(config(sender=sender))
    assert (checked.at.host, checked.at.port, checked.tls) == ("127.0.0.1", 2775, None)


def test_numbers_do_not_pass_a_network_in_the_clear() -> None:
    with pytest.raises(ConfigError, match="--smpp-tls"):
        check_smpp(config(address="smsc.example:2775"))
    assert check_smpp(config(address="smsc.example:2775", tls=True)).tls is not None
    assert check_smpp(config(address="smsc.example:2775", cleartext=True)).tls is None


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"address": "smsc.example"}, "HOST:PORT"),
        ({"address": "127.0.0.1:0"}, "needs a port"),
        ({"tls": True, "cleartext": True}, "exclude each other"),
        ({"tls_ca": Path("ca.pem")}, "give both"),
        ({"tls": True, "tls_ca": Path("/nowhere/ca.pem")}, "cannot be read"),
        ({"system_id": "x" * 16}, "1 to 15"),
        ({"system_id": ""}, "1 to 15"),
        ({"password": "ninechars"}, "1 to 8"),
        ({"password": "a\0b"}, "1 to 8"),
        ({"system_type": "é"}, "1 to 12"),
        ({"sender": "more than eleven"}, "sender"),
        ({"sender": "a\r\nb"}, "sender"),
        ({"timing": Timing(window=0)}, "window"),
    ],
)
def test_what_is_wrong_is_refused(changes: dict[str, object], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        check_smpp(config(**changes))


def test_the_password_does_not_show() -> None:
    assert "secret" not in repr(config())
