"""The policy that consent is given to: its text ships with the program, so that reading it sends nothing.

What is agreed to is the SHA-256 of the file's bytes, which the consent record, the statement and the receipt name.
A change of one byte is another policy: it gets a number and a file of its own, and every person is asked anew.
"""

import hashlib
from importlib import resources
from typing import Final

from sayso.protocol.statement import Policy

VERSION: Final = "1"


def policy_bytes() -> bytes:
    """Return the current policy as it lies in the package: Markdown, UTF-8."""
    return resources.files("sayso.consent").joinpath("policy", f"policy-{VERSION}.md").read_bytes()


def policy_text() -> str:
    """Return the current policy for a person to read."""
    return policy_bytes().decode("utf-8")


def current_policy() -> Policy:
    """Return version and SHA-256 of the current policy."""
    return Policy(version=VERSION, sha256=hashlib.sha256(policy_bytes()).digest())
