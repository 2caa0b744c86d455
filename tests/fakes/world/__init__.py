"""A small world on a fake clock: three phones, four lines, the relay, a carrier; everything that can go wrong does.

script       draws the steps of a world from a seed; any script can be replayed and shortened
player       takes the steps; one that cannot be taken now changes nothing
people, machines, networks, oddities     the steps, by whose doing they are
world        all of it: clock, server, carrier, phones; heals, and comes to rest
phone        one phone with its lines; what is stored outlives it
stations     the lines' modems: Gammu, ModemManager, the simulated carrier, Termux:API, by the real adapters
air          the carrier between them: SMS in parts, held, reordered, repeated, lost, mangled
strange      SMS from strangers: flash, data, picture messages, national letters, lies, parts that never come
books        address books as phones of several makers write them
log          what happened that the judges have to know
invariants   the judges: what must hold at rest
"""
