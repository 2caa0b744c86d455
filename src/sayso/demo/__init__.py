"""Puts the parts together on one machine: carrier, server and two phones, each a process of its own.

processes   starts a part as `python -m sayso ...`, waits until it says that it is ready, stops it
world       the four processes and what they need to know of each other
steps       one exchange, step by step: what `sayso demo --once` plays
prompt      the live demo: type for either of the two
"""
