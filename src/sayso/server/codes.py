"""The way that codes take: an SMSC by SMPP, or an HTTP gateway.

Only the one that is taken is loaded: what stands between a crash and the mail is the time to load everything.
"""

from contextlib import AsyncExitStack

from sayso.server.config import ServerConfig
from sayso.server.ports import Clock, CodeSender, Random
from sayso.server.services.sms_reports import ReportCounter


async def open_code_sender(
    config: ServerConfig, closing: AsyncExitStack, *, clock: Clock, random: Random
) -> CodeSender:
    """Open the way, and have `closing` close it.

    Raises:
        ConfigError: it cannot go that way.
    """
    reports = ReportCounter()
    if config.smpp is not None:
        from sayso.server.adapters.smpp.config import SmppConfig  # noqa: PLC0415
        from sayso.server.adapters.smpp.sender import SmppSender  # noqa: PLC0415
        from sayso.server.adapters.smpp.session import Timing  # noqa: PLC0415

        smpp = SmppConfig(
            address=config.smpp,
            system_id=config.smpp_system_id or "",
            password=config.smpp_password or "",
            system_type=config.smpp_system_type,
            sender=config.sms_sender,
            tls=config.smpp_tls,
            tls_ca=config.smpp_tls_ca,
            cleartext=config.smpp_cleartext,
            timing=Timing(window=config.smpp_window),
        )
        sender = SmppSender(smpp, clock=clock, random=random, reports=reports)
        await closing.enter_async_context(sender.running())
        return sender
    from sayso.server.adapters.delivery_callbacks import DeliveryCallbacks  # noqa: PLC0415
    from sayso.server.adapters.sms_gateway import GatewayConfig, KannelGateway  # noqa: PLC0415

    callbacks = DeliveryCallbacks(clock=clock, random=random, reports=reports)
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
