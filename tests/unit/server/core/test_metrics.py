"""The table of metrics: what it may hold, and when a server is not ready."""

import re

import pytest

from sayso.server.core.metrics import COMMIT_STUCK_S, EVENTS, GAUGES, PROCESS, not_ready

WELL = dict.fromkeys(GAUGES, 0.0)


@pytest.mark.parametrize("name", [*GAUGES, EVENTS, *sorted(PROCESS)])
def test_a_name_counts_something_and_names_nobody(name: str) -> None:
    assert re.fullmatch(r"(sayso|process)_[a-z_]+", name)
    assert not re.search(r"token|device|number|phone|address|peer|client|ip", name)


def test_a_well_server_is_ready() -> None:
    assert not_ready(WELL) is None
    assert not_ready(WELL | {"sayso_commit_seconds": COMMIT_STUCK_S}) is None
    assert not_ready(WELL | {"sayso_lines_asleep": 5.0, "sayso_longest_wait_seconds": 9999.0}) is None


@pytest.mark.parametrize(
    ("sick", "reason"),
    [
        ({"sayso_commit_seconds": COMMIT_STUCK_S + 1}, "the disk does not answer"),
        ({"sayso_disk_full": 1.0}, "the disk is full"),
        ({"sayso_stopping": 1.0, "sayso_disk_full": 1.0}, "the server stops"),
    ],
)
def test_a_sick_one_says_why(sick: dict[str, float], reason: str) -> None:
    assert not_ready(WELL | sick) == reason
