"""The text that a person agrees to before the first check for updates; it ships with the program."""

import hashlib
from importlib import resources
from typing import Final

from sayso.protocol.statement import Policy

VERSION: Final = "update-1"


def update_policy_bytes() -> bytes:
    """Return the text as it lies in the package: Markdown, UTF-8."""
    return resources.files("sayso.update").joinpath("policy", f"{VERSION}.md").read_bytes()


def update_policy() -> Policy:
    """Return version and SHA-256 of the text."""
    return Policy(version=VERSION, sha256=hashlib.sha256(update_policy_bytes()).digest())
