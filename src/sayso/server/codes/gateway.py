"""Codes by HTTP, to a gateway that is compatible with Kannel's."""

from contextlib import AsyncExitStack

from sayso.server.adapters.delivery_callbacks import DeliveryCallbacks
from sayso.server.adapters.sms_gateway import GatewayConfig, KannelGateway
from sayso.server.config import ServerConfig
from sayso.server.ports import Clock, CodeSender, Random
from sayso.server.services.sms_reports import ReportCounter


async def open_sender(config: ServerConfig, closing: AsyncExitStack, *, clock: Clock, random: Random) -> CodeSender:
    """Make the gateway's client; where reports of delivery are asked for, listen for them until `closing` closes."""
    callbacks = DeliveryCallbacks(clock=clock, random=random, reports=ReportCounter())
    gateway = KannelGateway(
        GatewayConfig(
            url=config.sms_gateway or "",
            username=config.sms_username,
            password=config.sms_password or "",
            sender=config.sms_sender,
        ),
        callbacks=callbacks,
    )
    closing.push_async_callback(gateway.close)
    if gateway.asks_reports:
        await closing.enter_async_context(callbacks.listening())
    return gateway
