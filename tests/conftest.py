"""Settings of every test: Hypothesis repeats itself exactly in CI and explores elsewhere."""

import os
from tempfile import TemporaryDirectory
from typing import Final

from hypothesis import settings

from tests.accounting import strict

# No deadlines: two cores are shared with the other half of the tests, and a slow example is no wrong one.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True, database=None)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if strict() else "explore"))

# Phones keep a mark outside their data directory; those of the tests, and of programs that they start, keep it here.
_STATE: Final = TemporaryDirectory(prefix="sayso-state-")
os.environ["XDG_STATE_HOME"] = _STATE.name
