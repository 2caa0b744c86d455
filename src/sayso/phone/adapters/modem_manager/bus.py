"""The system bus: calls to ModemManager, and its signals. Reached by Unix sockets and by nothing else.

D-Bus addresses can name TCP hosts, and the environment can name the address: one that is no Unix socket is refused
before anything is opened.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from dbus_fast import DBusFastError, Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.unpack import unpack_variants

from sayso.phone.core.modem_manager import SERVICE
from sayso.phone.errors import ModemGoneError, PhoneError

_DEFAULT_ADDRESS: Final = "unix:path=/run/dbus/system_bus_socket"
_ADDRESS_VARIABLE: Final = "DBUS_SYSTEM_BUS_ADDRESS"
_DBUS: Final = "org.freedesktop.DBus"
_DBUS_PATH: Final = "/org/freedesktop/DBus"
PROPERTIES: Final = f"{_DBUS}.Properties"
OBJECT_MANAGER: Final = f"{_DBUS}.ObjectManager"
_GONE: Final = frozenset(f"{_DBUS}.Error.{name}" for name in ("ServiceUnknown", "NameHasNoOwner", "Disconnected"))
_CONNECT_S: Final = 10.0
CALL_S: Final = 30.0
"""An answer that takes longer is none: ModemManager's own calls to a modem end sooner."""


class BusRefusal(PhoneError):  # noqa: N818  a refusal by the other side
    """ModemManager answered with an error."""

    def __init__(self, name: str) -> None:
        super().__init__("ModemManager refused a call")
        self.name = name
        """The D-Bus error's name; its sentence may quote numbers and is not kept."""


class NoAnswerError(PhoneError):
    """ModemManager did not answer in time: whether it did what it was asked for is open."""


@dataclass(frozen=True, slots=True, repr=False)
class Signal:
    """A signal of ModemManager's, or of the bus about it."""

    path: str
    interface: str
    member: str
    body: tuple[Any, ...]


class Bus(Protocol):
    """One connection, for the names of one ModemManager process."""

    owner: str
    """ModemManager's unique name: another process of it has another one."""
    run: str
    """The bus's own id: unique names begin anew with another bus."""
    signals: "asyncio.Queue[Signal | None]"
    """What came, in order; a None wakes whoever waits for it."""

    @property
    def connected(self) -> bool:
        """Whether the bus is still there."""
        ...

    async def call(
        self, path: str, interface: str, member: str, signature: str = "", *body: object, within_s: float = CALL_S
    ) -> Any:
        """Call a method of ModemManager's process; returns its first value, without variants.

        Raises:
            BusRefusal: answered with an error.
            NoAnswerError: no answer in time.
            ModemGoneError: the bus, or this ModemManager, is gone.
        """
        ...


class SystemBus:
    """The Bus over dbus-fast."""

    def __init__(self, bus: MessageBus, owner: str, run: str) -> None:
        self._bus = bus
        self.owner = owner
        self.run = run
        self.signals: asyncio.Queue[Signal | None] = asyncio.Queue()

    @property
    def connected(self) -> bool:
        """Whether the bus is still there."""
        return bool(self._bus.connected)

    async def call(
        self, path: str, interface: str, member: str, signature: str = "", *body: object, within_s: float = CALL_S
    ) -> Any:
        """Call a method; see `Bus`."""
        return await _call(self._bus, self.owner, path, interface, member, signature, body, within_s)

    def take(self, message: Message) -> None:
        """Queue a signal; called by dbus-fast for every message."""
        if message.message_type is MessageType.SIGNAL and message.sender in {self.owner, _DBUS}:
            body = tuple(unpack_variants(message.body))
            self.signals.put_nowait(Signal(message.path or "", message.interface or "", message.member or "", body))


def variants(values: Mapping[str, tuple[str, object]]) -> dict[str, Variant]:
    """Return a dictionary of D-Bus variants from names to signature and value."""
    return {name: Variant(signature, value) for name, (signature, value) in values.items()}


@asynccontextmanager
async def open_bus(address: str | None = None) -> AsyncIterator[SystemBus]:
    """Connect to the system bus, and to the ModemManager on it.

    Args:
        address: of the bus; by default the system's.

    Raises:
        ModemGoneError: there is no bus, or no ModemManager on it, or the address is no Unix socket.
    """
    bus = MessageBus(bus_address=_unix_address(address))
    try:
        try:
            async with asyncio.timeout(_CONNECT_S):
                await bus.connect()
        except (OSError, EOFError, TimeoutError, DBusFastError) as error:
            raise ModemGoneError("the system's D-Bus cannot be reached; is dbus running?") from error
        for rule in (f"type='signal',sender='{SERVICE}'", f"type='signal',sender='{_DBUS}',arg0='{SERVICE}'"):
            await _ask_bus(bus, "AddMatch", "s", rule)
        owner = await _ask_bus(bus, "GetNameOwner", "s", SERVICE)
        opened = SystemBus(bus, owner, await _ask_bus(bus, "GetId"))
        bus.add_message_handler(opened.take)
        yield opened
    finally:
        if bus.connected:
            bus.disconnect()


async def _ask_bus(bus: MessageBus, member: str, signature: str = "", *body: object) -> str:
    try:
        return str(await _call(bus, _DBUS, _DBUS_PATH, _DBUS, member, signature, body, CALL_S))
    except (BusRefusal, NoAnswerError) as error:
        raise _gone() from error


async def _call(
    bus: MessageBus,
    to: str,
    path: str,
    interface: str,
    member: str,
    signature: str,
    body: tuple[object, ...],
    within_s: float,
) -> Any:
    if not bus.connected:
        raise _gone()
    request = Message(
        destination=to, path=path, interface=interface, member=member, signature=signature, body=list(body)
    )
    try:
        async with asyncio.timeout(within_s):
            reply = await bus.call(request)
    except TimeoutError:
        raise NoAnswerError("ModemManager does not answer") from None
    except (OSError, EOFError, DBusFastError) as error:
        raise _gone() from error
    if reply.message_type is MessageType.ERROR:
        name = str(reply.error_name)
        raise _gone() if name in _GONE else BusRefusal(name)
    return unpack_variants(reply.body[0]) if reply.body else None


def _unix_address(address: str | None) -> str:
    chosen = address or os.environ.get(_ADDRESS_VARIABLE) or _DEFAULT_ADDRESS
    if not all(one.startswith("unix:") for one in chosen.split(";")):
        raise ModemGoneError("a modem is reached by a Unix socket only; the D-Bus address names something else")
    return chosen


def _gone() -> ModemGoneError:
    return ModemGoneError("ModemManager cannot be reached; is it running? (systemctl status ModemManager)")
