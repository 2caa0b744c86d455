"""The report as one page."""

from sayso.audit.core.findings import Report
from sayso.audit.core.model import Mark, NotSeen
from sayso.audit.report import html
from tests.fakes.audit_world import PEER, exchange, scan, scanner


def leaky(count: int) -> Report:
    made = scanner()
    made.feed(Mark(0.0, "boot"))
    made.feed(Mark(50.0, "login"))
    for number in range(count):
        made.feed(exchange(b"a=490154203237518&t=" + b"x" * 60, record=number, time=float(number)))
    return made.report()


def test_what_a_reader_needs_is_there() -> None:
    page = html.render(leaky(100))
    for part in (
        "1 of 14 seeds left the phone; 1 host<",
        "<mark>490154203237518</mark>",
        "tracker.example",
        "login",
        "<svg",
        "Decoys",
    ):
        assert part in page


def test_silence_is_only_silence_when_all_was_seen() -> None:
    assert "everything could be seen into" in html.render(scan(exchange(b"nothing")))
    made = scanner()
    made.feed(NotSeen(0, None, PEER, "tls", "TLS without its keys", 10, 20))
    page = html.render(made.report())
    assert "not everything could be seen into" in page
    assert "TLS without its keys" in page


def test_ten_thousand_findings_stay_below_ten_megabytes() -> None:
    assert len(html.render(leaky(10_000)).encode()) < 10_000_000


def test_many_findings_share_folds_and_every_one_is_there() -> None:
    page = html.render(leaky(1_000))
    assert page.count("<details") == 5
    assert page.count("<mark>490154203237518</mark>") == 1_000
    assert "801 to 1000" in page
    assert html.render(leaky(300)).count("<details") == 300


def test_impossible_times_are_said_and_not_raised() -> None:
    made = scanner()
    made.feed(exchange(b"a=490154203237518", time=1e30))
    made.feed(exchange(b"a=490154203237518", record=1, time=-1e30))
    assert "an impossible time" in html.render(made.report())
