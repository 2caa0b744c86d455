"""Metrics and health: what is shown, and what is not."""

from collections.abc import Mapping

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sayso.server.adapters.metrics import MetricsApp
from sayso.server.core.metrics import EVENTS, GAUGES, PROCESS
from sayso.server.errors import StoreError
from tests.aio import run
from tests.fakes.asgi import Answer, AsgiClient

SICK = ("sayso_disk_full", "sayso_commit_seconds", "sayso_stopping")
WELL = {name: float(place) for place, name in enumerate(GAUGES)} | dict.fromkeys(SICK, 0.0)


def ask(path: str, *, method: str = "GET", gauges: Mapping[str, float] = WELL, broken: bool = False) -> Answer:
    async def gather() -> Mapping[str, float]:
        if broken:
            raise StoreError("+447700900123 could not be read")
        return gauges

    app = MetricsApp(gather, lambda: {"enrolled": 3, "code sent": 4})
    return run(AsgiClient(app).request(method, path, [("Host", "localhost")]))


def test_what_is_shown_is_the_table_and_nothing_else() -> None:
    answer = ask("/metrics", gauges=WELL | {"sayso_line_of_bob": 1.0, "python_info": 3.0})
    assert answer.status == 200
    families = {family.name: family for family in text_string_to_metric_families(answer.body.decode())}
    assert set(GAUGES) | {EVENTS} <= set(families) <= set(GAUGES) | {EVENTS} | PROCESS
    for name, value in WELL.items():
        (sample,) = families[name].samples
        assert (sample.labels, sample.value) == ({}, value)
    events = {sample.labels["event"]: sample.value for sample in families[EVENTS].samples}
    assert events == {"enrolled": 3.0, "code sent": 4.0}
    assert all(set(sample.labels) <= {"event"} for family in families.values() for sample in family.samples)


def test_health_and_readiness() -> None:
    assert (ask("/healthz").status, ask("/healthz", broken=True).status) == (200, 200)
    assert (ask("/readyz").status, ask("/readyz").body) == (200, b"ready\n")
    full = ask("/readyz", gauges=WELL | {"sayso_disk_full": 1.0})
    assert (full.status, full.body) == (503, b"the disk is full\n")


@pytest.mark.parametrize("path", ["/readyz", "/metrics"])
def test_an_error_is_told_without_its_message(path: str) -> None:
    answer = ask(path, broken=True)
    assert (answer.status, answer.body) == (503, b"the directory cannot be read\n")


@pytest.mark.parametrize(
    ("path", "method", "status"), [("/", "GET", 404), ("/v1/me", "GET", 404), ("/metrics", "POST", 405)]
)
def test_there_is_nothing_else(path: str, method: str, status: int) -> None:
    assert ask(path, method=method).status == status


def test_a_head_has_no_body() -> None:
    answer = ask("/healthz", method="HEAD")
    assert (answer.status, answer.body, answer.field("content-length")) == (200, b"", "6")
