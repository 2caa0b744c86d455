"""Metrics and health over HTTP, for this machine only: `/metrics`, `/healthz`, `/readyz`.

What is shown is what `core.metrics` lists; a value under another name, and every metric that a library registers by
itself, stays unseen.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from sayso.server.core.metrics import EVENTS, EVENTS_HELP, GAUGES, PROCESS, not_ready
from sayso.server.errors import ServerError

_LOG: Final = structlog.get_logger()
_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
_PLAIN: Final = "text/plain; charset=utf-8"

Gather = Callable[[], Awaitable[Mapping[str, float]]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class MetricsApp:
    """An ASGI application."""

    def __init__(self, gather: Gather, events: Callable[[], Mapping[str, int]]) -> None:
        """Serve.

        Args:
            gather: the gauges' values, by name.
            events: how often each kind of event was logged.
        """
        self._gather = gather
        self._events = events
        self._process = ProcessCollector(registry=None)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request; nothing of it but its path is looked at."""
        if scope["type"] != "http":
            return
        await receive()
        status, media_type, body = await self._answer(scope["method"], scope["path"])
        fields = [
            (b"content-type", media_type.encode("ascii")),
            (b"content-length", str(len(body)).encode("ascii")),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, method: str, path: str) -> tuple[int, str, bytes]:
        if method not in {"GET", "HEAD"}:
            return 405, _PLAIN, b"use GET\n"
        match path:
            case "/healthz":
                return 200, _PLAIN, b"alive\n"
            case "/readyz":
                return await self._readiness()
            case "/metrics":
                return await self._metrics()
            case _:
                return 404, _PLAIN, b"there are /metrics, /healthz and /readyz\n"

    async def _readiness(self) -> tuple[int, str, bytes]:
        try:
            reason = not_ready(await self._gather())
        except ServerError as error:
            _LOG.warning("readiness unknown", error=type(error).__name__)
            reason = "the directory cannot be read"
        if reason is None:
            return 200, _PLAIN, b"ready\n"
        return 503, _PLAIN, f"{reason}\n".encode()

    async def _metrics(self) -> tuple[int, str, bytes]:
        try:
            gauges = await self._gather()
        except ServerError as error:
            _LOG.warning("metrics unknown", error=type(error).__name__)
            return 503, _PLAIN, b"the directory cannot be read\n"
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Shown(gauges, self._events(), self._process))
        return 200, _TEXT, generate_latest(registry)


class _Shown(Collector):
    """What one answer shows."""

    def __init__(self, gauges: Mapping[str, float], events: Mapping[str, int], process: ProcessCollector) -> None:
        self._gauges = gauges
        self._events = events
        self._process = process

    def collect(self) -> Iterator[Metric]:
        """Yield what the tables allow."""
        for name, words in GAUGES.items():
            if name in self._gauges:
                yield GaugeMetricFamily(name, words, value=self._gauges[name])
        counter = CounterMetricFamily(EVENTS, EVENTS_HELP, labels=["event"])
        for event, count in sorted(self._events.items()):
            counter.add_metric([event], count)
        yield counter
        for metric in self._process.collect():
            if metric.name in PROCESS:
                yield metric
