"""What a server refuses to start with."""

from dataclasses import replace
from pathlib import Path

import pytest

from sayso.server.config import ServerConfig, allowance, check, sms_caps
from sayso.server.core.sms_caps import SmsCaps
from sayso.server.errors import ConfigError

GATEWAY = ServerConfig(data=Path("server"), plain_keyring=True, sms_gateway="http://127.0.0.1/x", sms_password="secret")
SMPP = replace(
    GATEWAY, sms_gateway=None, sms_password=None, smpp="127.0.0.1:2775", smpp_system_id="sayso", smpp_password="secret"
)


@pytest.mark.parametrize("config", [GATEWAY, SMPP])
def test_codes_go_one_way(config: ServerConfig) -> None:
    assert check(config).tls is None


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (replace(GATEWAY, sms_gateway=None), "--sms-gateway and --sms-password-file, or --smpp"),
        (replace(GATEWAY, sms_password=None), "--sms-gateway and --sms-password-file, or --smpp"),
        (replace(SMPP, sms_gateway="http://127.0.0.1/x"), "leave one of them out"),
        (replace(SMPP, smpp_system_id=None), "--smpp-system-id"),
        (replace(SMPP, smpp_password=None), "--smpp-password-file"),
        (replace(GATEWAY, plain_keyring=False), "passphrase"),
        (replace(GATEWAY, passphrase="x"), "exclude each other"),
        (replace(GATEWAY, http="0.0.0.0:8080"), "readable on the network"),
        (replace(GATEWAY, stream="[::]:8081"), "readable on the network"),
        (replace(GATEWAY, tls_cert=Path("x.pem")), "go together"),
    ],
)
def test_what_is_wrong_is_refused(config: ServerConfig, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        check(config)


def test_no_password_shows() -> None:
    assert "secret" not in repr(GATEWAY) + repr(SMPP)


def test_the_caps_are_the_defaults_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "caps.toml"
    file.write_text("[everything]\nbudget = 9\n", encoding="utf-8")
    assert sms_caps(GATEWAY) == SmsCaps()
    assert sms_caps(replace(GATEWAY, sms_caps=file)).everything.budget == 9


def test_a_caps_file_that_cannot_be_read(tmp_path: Path) -> None:
    for name, content in (("nowhere", None), ("latin", b"\xff"), ("wrong", b"[everyone]\n")):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(ConfigError, match="SMS caps file"):
            sms_caps(replace(GATEWAY, sms_caps=tmp_path / name))


def test_what_lines_may_ask_for_is_the_operators_choice_within_thirty_days() -> None:
    assert (allowance(GATEWAY).bucket, allowance(GATEWAY).per_day) == (2000, 200)
    chosen = allowance(replace(GATEWAY, discovery_bucket=300, discovery_per_day=10))
    assert (chosen.bucket, chosen.per_day) == (300, 10)
    with pytest.raises(ConfigError, match="within 30 days"):
        check(replace(GATEWAY, discovery_bucket=301, discovery_per_day=10))
    with pytest.raises(ConfigError, match="one number at least"):
        check(replace(GATEWAY, discovery_bucket=0))
