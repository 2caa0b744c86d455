"""Codes by SMPP, to an SMSC."""

from contextlib import AsyncExitStack

from sayso.server.adapters.smpp.config import SmppConfig
from sayso.server.adapters.smpp.sender import SmppSender
from sayso.server.adapters.smpp.session import Timing
from sayso.server.config import ServerConfig
from sayso.server.ports import Clock, CodeSender, Random
from sayso.server.services.sms_reports import ReportCounter


async def open_sender(config: ServerConfig, closing: AsyncExitStack, *, clock: Clock, random: Random) -> CodeSender:
    """Connect, and go on connecting until `closing` closes. Raises ConfigError."""
    smpp = SmppConfig(
        address=config.smpp or "",
        system_id=config.smpp_system_id or "",
        password=config.smpp_password or "",
        system_type=config.smpp_system_type,
        sender=config.sms_sender,
        tls=config.smpp_tls,
        tls_ca=config.smpp_tls_ca,
        cleartext=config.smpp_cleartext,
        timing=Timing(window=config.smpp_window),
    )
    sender = SmppSender(smpp, clock=clock, random=random, reports=ReportCounter())
    await closing.enter_async_context(sender.running())
    return sender
