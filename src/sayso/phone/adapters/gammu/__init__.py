"""The Modem port over Gammu: old phones, and modems by serial line.

    worker   a program of its own that holds the modem through libGammu, and answers line by line
    source   asks it, and reads what it answers

libGammu is C, reads bytes of the network, blocks, and is under the GPL: it stays in a process of its own, which has no
key, no store and no socket (docs/adr/0021).
"""

from sayso.phone.adapters.gammu.source import EVERY_S, GammuSource

__all__ = ["EVERY_S", "GammuSource"]
