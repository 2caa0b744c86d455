"""Counts what became of the codes' SMS: numbers of events, for the operator; never of whom."""

from typing import Final

import structlog

_LOG: Final = structlog.get_logger()


class ReportCounter:
    """An `SmsReports`."""

    def __init__(self) -> None:
        self.delivered = 0
        self.undelivered = 0

    def reported(self, *, delivered: bool) -> None:
        """See `SmsReports`."""
        if delivered:
            self.delivered += 1
        else:
            self.undelivered += 1
        _LOG.info("code reported", delivered=delivered)
