"""What became of SMS is counted, and not of whom."""

import structlog

from sayso.server.services.sms_reports import ReportCounter


def test_reports_are_counted_and_logged() -> None:
    counter = ReportCounter()
    with structlog.testing.capture_logs() as log:
        for delivered in (True, True, False):
            counter.reported(delivered=delivered)
    assert (counter.delivered, counter.undelivered) == (2, 1)
    assert [sorted(line) for line in log] == [["delivered", "event", "log_level"]] * 3
