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


CLUSTER = replace(GATEWAY, postgres="postgresql://sayso@127.0.0.1/sayso", nats="nats://127.0.0.1:4222")


def test_several_processes_need_postgresql_and_nats_and_it_says_so() -> None:
    check(replace(CLUSTER, workers=4))
    for missing in (replace(GATEWAY, workers=2), replace(CLUSTER, workers=2, nats=None)):
        with pytest.raises(ConfigError, match="--postgres and --nats, or leave --workers out"):
            check(missing)
    with pytest.raises(ConfigError, match="--workers 1 or more"):
        check(replace(CLUSTER, workers=0))
    with pytest.raises(ConfigError, match="give --postgres too"):
        check(replace(GATEWAY, nats="nats://127.0.0.1:4222"))


@pytest.mark.parametrize(
    ("postgres", "nats", "says"),
    [
        ("mysql://sayso@127.0.0.1/sayso", None, "--postgres takes a URL"),
        ("postgresql://sayso:secret@127.0.0.1/sayso", None, "PGPASSFILE"),
        ("postgresql://sayso@db.example/sayso", None, "sslmode=verify-full"),
        ("postgresql://sayso@127.0.0.1/sayso", "http://127.0.0.1:4222", "--nats takes a URL"),
        ("postgresql://sayso@127.0.0.1/sayso", "nats://token@127.0.0.1:4222", "--nats-token-file"),
        ("postgresql://sayso@127.0.0.1/sayso", "nats://10.0.0.1:4222", "use tls://"),
    ],
)
def test_urls_that_would_show_a_password_or_go_in_the_clear_are_refused(
    postgres: str, nats: str | None, says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        check(replace(GATEWAY, postgres=postgres, nats=nats))


def test_another_machine_is_reached_by_tls_or_inside_a_tunnel() -> None:
    sealed = replace(
        GATEWAY, postgres="postgresql://sayso@db.example/sayso?sslmode=verify-full", nats="tls://nats.example:4222"
    )
    check(sealed)
    check(
        replace(
            GATEWAY,
            postgres="postgresql://sayso@10.0.0.1/sayso",
            nats="nats://10.0.0.1:4222",
            cluster_cleartext=True,
        )
    )
    check(replace(GATEWAY, postgres="postgresql:///sayso?host=/run/postgresql"))
