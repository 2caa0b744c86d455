"""Which way codes take; and that a server loads no other, nor what shows metrics."""

import asyncio
import subprocess
import sys
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from sayso.server.adapters.smpp.sender import SmppSender
from sayso.server.adapters.sms_gateway import KannelGateway
from sayso.server.adapters.system import SystemClock, SystemRandom
from sayso.server.codes.opening import open_code_sender
from sayso.server.config import ServerConfig
from sayso.server.errors import ConfigError
from sayso.server.ports import CodeSender
from tests.aio import run

BY_GATEWAY = ServerConfig(data=Path("unused"), sms_gateway="http://127.0.0.1:9/cgi-bin/sendsms", sms_password="secret")
BY_SMPP = replace(BY_GATEWAY, sms_gateway=None, smpp="127.0.0.1:9", smpp_system_id="sayso", smpp_password="secret")


async def opened(config: ServerConfig) -> CodeSender:
    async with AsyncExitStack() as closing, asyncio.timeout(10):
        return await open_code_sender(config, closing, clock=SystemClock(), random=SystemRandom())


def test_codes_go_by_what_is_configured() -> None:
    assert isinstance(run(opened(BY_GATEWAY)), KannelGateway)
    assert isinstance(run(opened(BY_SMPP)), SmppSender)


def test_an_smsc_elsewhere_without_tls_is_refused() -> None:
    with pytest.raises(ConfigError):
        run(opened(replace(BY_SMPP, smpp="smsc.example:2775")))


def test_what_only_some_servers_use_is_not_loaded_by_all() -> None:
    """Loading is most of what stands between a crash and the mail that waits."""
    words = "import sys, sayso.server.app; print(*({'aiosmpplib', 'httpcore', 'prometheus_client'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", words], check=True, capture_output=True, text=True)
    assert done.stdout == "\n"
