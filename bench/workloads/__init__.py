"""The workloads, by name.

    live         online, light; live_traced shows that nothing of it touches a file
    custody      deposits with their drain, deposits-while-online
    connections  memory of idle ones, and how fast they log in
    restart      kill -9 with many waiting
    timing       what the clock tells: claims and enrolments that must look alike
    audit        the leak auditor: speed, start, the page of its report
    enrolling    enrolments, from the consent to the receipt
    cluster      several processes over PostgreSQL and NATS
    flood        a flood to one mailbox, and what others notice
    discovery    new contacts to tokens; the enrolled set of a million lines

A new one is a coroutine `(Bench, size) -> Figures` and a line here; targets for its figures stand in `bench.targets`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bench.bench import Bench
from bench.procfs import Figures
from bench.workloads.audit import audit
from bench.workloads.cluster import postgres_deposits, workers
from bench.workloads.connections import idle
from bench.workloads.custody import deposits, deposits_while_online
from bench.workloads.discovery import discovery, enrolled_set_of_a_million
from bench.workloads.enrolling import enrolment
from bench.workloads.flood import flood
from bench.workloads.live import light, online
from bench.workloads.live_traced import online_strace
from bench.workloads.restart import recovery
from bench.workloads.timing import timing
from bench.workloads.web_app import web_app


@dataclass(frozen=True, slots=True)
class Workload:
    """One kind of load."""

    name: str
    measure: Callable[[Bench, int], Awaitable[Figures]]
    shown: tuple[str, ...]
    """The figures for people, in order; the JSON has all of them."""
    every_size: bool = True
    """Whether it runs for each size of envelope."""

    @property
    def about(self) -> str:
        """What it does, in a line."""
        return (self.measure.__doc__ or "").strip()


_SPEED = ("server_cpu_pct", "driver_cpu_pct", "server_rss_mib")
WORKLOADS = (
    Workload("online", online, ("msgs_per_s", "msgs_per_server_cpu_s", "disk_write_bytes", *_SPEED)),
    Workload("online-strace", online_strace, ("msgs", "file_calls", "file_calls_control"), every_size=False),
    Workload("light", light, ("delivered_p50_ms", "delivered_p99_ms", "receipt_p50_ms", "receipt_p99_ms")),
    Workload(
        "deposits",
        deposits,
        ("deposits_per_s", "deposits_per_server_cpu_s", "drained_per_s", "drained_per_server_cpu_s", *_SPEED),
    ),
    Workload(
        "deposits-while-online",
        deposits_while_online,
        ("deposits_per_s", "msgs_per_s", "both_per_server_cpu_s", "accepted_p50_ms", "accepted_p99_ms", *_SPEED),
    ),
    Workload(
        "idle",
        idle,
        (
            "connections",
            "kib_per_connection",
            "picows_floor_kib",
            "above_floor_kib",
            "logins_per_s",
            "logins_per_server_cpu_s",
        ),
        every_size=False,
    ),
    Workload(
        "recovery",
        recovery,
        ("waiting", "ready_s", "first_delivery_s", "first_delivery_cpu_s", "all_delivered_s"),
        every_size=False,
    ),
    Workload(
        "flood",
        flood,
        (
            "quiet_delivered_p99_ms",
            "flooded_delivered_p99_ms",
            "quiet_accepted_p99_ms",
            "flooded_accepted_p99_ms",
            "flood_per_s",
            "flood_refused",
        ),
        every_size=False,
    ),
    Workload(
        "workers",
        workers,
        (
            "workers",
            "one_msgs_per_server_cpu_s",
            "many_msgs_per_server_cpu_s",
            "cpu_ratio",
            "cpu_ratio_of_all",
            "many_nats_cpu_pct",
        ),
        every_size=False,
    ),
    Workload(
        "postgres-deposits",
        postgres_deposits,
        (
            "deposits_per_s",
            "deposits_per_server_cpu_s",
            "deposits_per_cpu_s_of_all",
            "drained_per_server_cpu_s",
            "postgres_cpu_pct",
        ),
    ),
    Workload("enrolment", enrolment, ("enrolments_per_s", "enrolments_per_server_cpu_s", "busy"), every_size=False),
    Workload(
        "discovery",
        discovery,
        ("new_contacts", "discovered_s", "evaluations_per_s", "evaluations_per_server_cpu_s"),
        every_size=False,
    ),
    Workload(
        "enrolled-set",
        enrolled_set_of_a_million,
        ("lines", "set_bytes", "built_s", "shard_decoded_ms", "lookup_us", "change_bytes"),
        every_size=False,
    ),
    Workload(
        "audit",
        audit,
        (
            "capture_mb",
            "har_mb_per_cpu_s",
            "mitm_mb_per_cpu_s",
            "har_aho_corasick_mb_per_cpu_s",
            "start_wall_s",
            "start_cpu_s",
            "page_mb",
            "page_load_s",
        ),
        every_size=False,
    ),
    Workload(
        "timing",
        timing,
        (
            "pairs",
            "claim_lapsed_unknown_us",
            "claim_lapsed_unknown_bound_us",
            "claim_hidden_unknown_us",
            "claim_hidden_unknown_bound_us",
            "claim_lapsed_hidden_us",
            "claim_lapsed_hidden_bound_us",
            "claim_reachable_unknown_us",
            "enrol_known_unknown_us",
            "enrol_known_unknown_bound_us",
            "after_enrol_known_unknown_us",
            "after_enrol_known_unknown_bound_us",
            "claim_p50_us",
            "enrol_p50_us",
            "worst_us",
        ),
        every_size=False,
    ),
    Workload(
        "web-app",
        web_app,
        (
            "texts",
            "first_load_bytes",
            "first_paint_ms",
            "requests_before_paint",
            "bytes_before_paint",
            "first_load_page_cpu_ms",
            "first_load_phone_cpu_ms",
            "layout_shift",
            "open_thread_p50_ms",
            "open_thread_worst_ms",
            "open_thread_cpu_ms",
            "list_p50_ms",
            "search_worst_ms",
            "live_p50_ms",
            "live_worst_ms",
        ),
        every_size=False,
    ),
)
