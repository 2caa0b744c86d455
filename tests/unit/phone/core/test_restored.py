"""Whether a store is an older copy of itself."""

import pytest

from sayso.phone.core.restored import is_older


@pytest.mark.parametrize(
    ("moves", "mark", "older"),
    [
        (0, None, False),  # it has no keys yet
        (1, None, True),  # it has, and was never here
        (7, 7, False),
        (8, 7, False),  # a crash between the count and its mark
        (6, 7, True),
        (0, 1, True),
    ],
)
def test_a_store_behind_its_mark_is_older(moves: int, mark: int | None, older: bool) -> None:  # noqa: FBT001  a case
    assert is_older(moves, mark) is older
