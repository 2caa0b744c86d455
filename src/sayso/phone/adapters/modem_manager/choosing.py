"""The modems that ModemManager knows, and which of them a line means."""

from collections.abc import Mapping
from dataclasses import dataclass

from sayso.phone.adapters.modem_manager.bus import OBJECT_MANAGER, Bus, BusRefusal, NoAnswerError, open_bus
from sayso.phone.core.modem_manager import MODEM, ROOT, ModemView, text, view_of
from sayso.phone.errors import ModemGoneError


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundModem:
    """One modem."""

    path: str
    """D-Bus object; another one after every reset."""
    device: str
    """Its place in the hardware, the same after a reset: what a person chooses it by."""
    model: str
    view: ModemView


async def modems_on(bus: Bus) -> list[FoundModem]:
    """Return the modems, by place in the hardware.

    Raises:
        ModemGoneError: ModemManager is gone, or does not answer.
    """
    try:
        objects: Mapping[str, Mapping[str, Mapping[str, object]]] = await bus.call(
            ROOT, OBJECT_MANAGER, "GetManagedObjects"
        )
    except (BusRefusal, NoAnswerError) as error:
        raise ModemGoneError("ModemManager does not list its modems") from error
    found = [
        FoundModem(
            path=path,
            device=text(interfaces[MODEM].get("Device"), path),
            model=text(interfaces[MODEM].get("Model")),
            view=view_of(interfaces[MODEM]),
        )
        for path, interfaces in objects.items()
        if MODEM in interfaces
    ]
    return sorted(found, key=lambda one: one.device)


async def found_modems(address: str | None = None) -> list[FoundModem]:
    """Return the modems on this machine.

    Raises:
        ModemGoneError: there is no ModemManager.
    """
    async with open_bus(address) as bus:
        return await modems_on(bus)


async def choose(bus: Bus, device: str) -> FoundModem:
    """Return the modem that a line means.

    Args:
        bus: see `Bus`.
        device: `FoundModem.device`, or its end; empty for the only modem.

    Raises:
        ModemGoneError: it is not there, or the choice is not clear.
    """
    found = await modems_on(bus)
    if not found:
        raise ModemGoneError("ModemManager has no modem; is it plugged in and switched on?")
    chosen = [one for one in found if one.device.endswith(device)]
    if not chosen:
        raise ModemGoneError("this modem is not there; `sayso phone modems` lists those that are")
    if len(chosen) > 1:
        raise ModemGoneError("there are several modems: choose one, as `sayso phone modems` lists them")
    return chosen[0]
