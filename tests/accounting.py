"""What could not be tested on this machine is counted and named; where nothing may be missing, it fails."""

import os
from typing import NoReturn

import pytest


def strict() -> bool:
    """Whether nothing may be left out: in CI, and with `make test ARGS=--strict`."""
    return os.environ.get("CI", "").lower() in {"1", "true"}


def not_tested(reason: str) -> NoReturn:
    """End the running test as not tested, with the reason; in CI, as failed."""
    if strict():
        pytest.fail(f"not tested: {reason}", pytrace=False)
    pytest.skip(f"not tested: {reason}")
