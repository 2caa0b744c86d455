"""Settings of every test: Hypothesis repeats itself exactly in CI and explores elsewhere; a failure stays its own."""

import gc
import os
import sys
import warnings
from collections.abc import Generator
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from hypothesis import settings

from tests.accounting import strict

# No deadlines: two cores are shared with the other half of the tests, and a slow example is no wrong one.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True, database=None)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if strict() else "explore"))

# Phones keep a mark outside their data directory; those of the tests, and of programs that they start, keep it here.
_STATE: Final = TemporaryDirectory(prefix="sayso-state-")
os.environ["XDG_STATE_HOME"] = _STATE.name


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Throw away what a failed test left open before the next one begins.

    Its traceback holds its connections; they would be collected during some other test, which would then fail with a
    ResourceWarning of theirs. A test that passes has no such excuse: what it leaves open stays an error.
    """
    failed = item.session.testsfailed
    result = yield
    if item.session.testsfailed > failed:
        for name in ("last_type", "last_value", "last_traceback", "last_exc"):
            vars(sys).pop(name, None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
    return result
