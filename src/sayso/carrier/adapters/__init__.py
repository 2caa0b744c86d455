"""The simulated carrier's ways to the world; sayso.carrier's docstring is the map."""
