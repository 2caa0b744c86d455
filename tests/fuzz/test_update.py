"""The decoders of updates raise one family of errors, whatever comes in."""

import pytest

from tests.fuzz.decoders import names
from tests.fuzz.run import run_in_test


@pytest.mark.slow
@pytest.mark.parametrize("name", names("update"))
def test_hostile_bytes_are_refused_in_one_way(name: str) -> None:
    run_in_test(name)
