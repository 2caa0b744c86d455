"""The Modem port over ModemManager, by D-Bus on the system bus: Linux phones and USB modems.

    bus        calls and signals, through dbus-fast; Unix sockets only
    choosing   the modems that are there, and which of them a line means
    attached   one modem for as long as it is there: what it tells, what it is told
    modem      the port: attaches, and attaches anew

The meaning of ModemManager's numbers stands in `core.modem_manager`.
"""

from sayso.phone.adapters.modem_manager.modem import ModemManagerModem

__all__ = ["ModemManagerModem"]
