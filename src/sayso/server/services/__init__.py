"""Orchestration between core and ports: what waits for something."""
