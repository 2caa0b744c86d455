"""Puts the parts together on one machine: carrier, server and two phones."""
