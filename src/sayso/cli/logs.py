"""Logs: one JSON object per line on stderr, event kinds and counts only (design.md §6), by allow-list (`log_fields`).

Of what libraries log, and of what nobody caught, only the kind is said: level, name of the logger, type of the error,
and for what ended the program the lines of source it passed. Messages are never written: picows and uvicorn name
addresses in theirs, and an error's message may quote what was sent.
"""

import json
import logging
import sys
import threading
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

import structlog
from structlog.typing import Processor

from sayso.cli.log_fields import Kind, fits, keep_allowed


def configure_logs(processors: Sequence[Processor] = ()) -> None:
    """Set up logging for a part that serves.

    Args:
        processors: see each event as it is going to be written, after the allow-list.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_KindOnly())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.captureWarnings(capture=True)
    logging.getLogger("picows").setLevel(logging.ERROR)  # asked at each connection; saying no early is cheap
    structlog.configure(
        processors=[
            keep_allowed,
            *processors,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    sys.excepthook = _tell_uncaught
    sys.unraisablehook = _tell_unraisable
    threading.excepthook = _tell_thread


class _KindOnly(logging.Formatter):
    """Writes a library's record without its message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one JSON object."""
        told = {
            "event": "library",
            "logger": record.name,
            "level": record.levelname.lower(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
        }
        if not all(fits(Kind.WORD, part) for part in record.name.split(".")):
            told["logger"] = "unnamed"
        if record.exc_info and record.exc_info[0] is not None:
            told["error"] = record.exc_info[0].__name__
        return json.dumps(told)


def _tell_uncaught(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, where)
        return
    _tell(error, where)


def _tell_thread(uncaught: threading.ExceptHookArgs) -> None:
    if uncaught.exc_value is not None:
        _tell(uncaught.exc_value, uncaught.exc_traceback)


def _tell_unraisable(unraisable: object) -> None:
    error = getattr(unraisable, "exc_value", None)
    if isinstance(error, BaseException):
        _tell(error, error.__traceback__)


def _tell(error: BaseException, where: TracebackType | None) -> None:
    """Write the types of an error and of those in it, and the lines of source, without any message or value."""
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(where)]
    told = {"event": "broke", "level": "critical", "error": _types(error), "at": places}
    sys.stderr.write(json.dumps(told) + "\n")
    sys.stderr.flush()


def _types(error: BaseException) -> list[str]:
    if isinstance(error, BaseExceptionGroup):
        return [type(error).__name__, *(name for one in error.exceptions for name in _types(one))]
    return [type(error).__name__]
