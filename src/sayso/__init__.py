"""Sayso: cloud messaging for phone numbers that waits for your say-so."""
