"""Settings of every test: Hypothesis repeats itself exactly in CI and explores elsewhere."""

import os

from hypothesis import settings

from tests.accounting import strict

# No deadlines: two cores are shared with the other half of the tests, and a slow example is no wrong one.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True, database=None)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if strict() else "explore"))
