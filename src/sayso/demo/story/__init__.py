"""August 2014, replayed on one machine: `sayso demo story`.

wheels      the two releases: a simulated phone of 2014, and the Sayso that runs here
"""
