"""Logs: one JSON object per line on stderr, event kinds and counts only (design.md §6).

Libraries are kept to warnings: picows and uvicorn name addresses at INFO.
"""

import logging
import sys

import structlog


def configure_logs() -> None:
    """Set up logging for a part that serves."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("picows").setLevel(logging.ERROR)  # asked at each connection; saying no early is cheap
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
