"""What really comes out on stderr: kinds, never messages."""

import json
import subprocess
import sys

import pytest

NUMBER = "+447700900123"
ADDRESS = "192.0.2.77"

PROGRAM = f"""
import asyncio, logging, sys, threading, warnings
import structlog
from sayso.cli.logs import configure_logs

configure_logs()
log = structlog.get_logger()
what = sys.argv[1]
if what == "ours":
    log.info("enrolled", number="{NUMBER}", replaced=1, error="{NUMBER}")
elif what == "library":
    logging.getLogger("picows").error("connection from {ADDRESS} failed for %s", "{NUMBER}")
    logging.getLogger("uvicorn.error").warning("{ADDRESS} hung up")
elif what == "library error":
    try:
        raise ConnectionResetError("{ADDRESS}")
    except ConnectionResetError:
        logging.getLogger("asyncio").exception("Task exception was never retrieved {NUMBER}")
elif what == "logger":
    logging.getLogger("peer.{NUMBER}").error("x")
elif what == "warning":
    warnings.warn("old: {NUMBER}")
elif what == "thread":
    def broken(): raise ValueError("{NUMBER}")
    thread = threading.Thread(target=broken); thread.start(); thread.join()
elif what == "unraisable":
    class Broken:
        def __del__(self): raise ValueError("{NUMBER}")
    Broken()
elif what == "task":
    async def lost():
        loop = asyncio.get_running_loop()
        loop.call_exception_handler({{"message": "{NUMBER}", "exception": ValueError("{ADDRESS}")}})
    asyncio.run(lost())
elif what == "uncaught":
    raise ExceptionGroup("{NUMBER}", [ValueError("{NUMBER}"), OSError("{ADDRESS}")])
"""


def said(what: str) -> tuple[list[dict[str, object]], int]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, what], capture_output=True, text=True, timeout=60, check=False
    )
    assert NUMBER[1:] not in done.stderr
    assert ADDRESS not in done.stderr
    return [json.loads(line) for line in done.stderr.splitlines()], done.returncode


def test_our_own_events_keep_what_is_allowed() -> None:
    (event,), code = said("ours")
    assert code == 0
    assert (event["event"], event["replaced"], event["dropped"], event["level"]) == ("enrolled", 1, 2, "info")
    assert "timestamp" in event


def test_a_librarys_message_is_not_written() -> None:
    events, _ = said("library")
    assert [(one["event"], one["logger"], one["level"]) for one in events] == [
        ("library", "picows", "error"),
        ("library", "uvicorn.error", "warning"),
    ]


@pytest.mark.parametrize(
    ("what", "kinds"),
    [
        ("library error", "ConnectionResetError"),
        ("task", "ValueError"),
        ("thread", ["ValueError"]),
        ("unraisable", ["ValueError"]),
    ],
)
def test_of_an_error_its_type_is_said(what: str, kinds: object) -> None:
    (event,), _ = said(what)
    assert event["error"] == kinds


def test_a_loggers_name_is_no_way_out() -> None:
    (event,), _ = said("logger")
    assert event["logger"] == "unnamed"


def test_a_warning_is_counted_as_one() -> None:
    (event,), _ = said("warning")
    assert event["logger"] == "py.warnings"


def test_what_ends_the_program_is_told_by_types_and_lines() -> None:
    (event,), code = said("uncaught")
    assert code == 1
    assert event["error"] == ["ExceptionGroup", "ValueError", "OSError"]
    assert str(event["at"]).startswith("['<string>:")
