"""Delivery reports of an SMS gateway: never an error, and what is taken for one is what Kannel would have sent."""

from typing import Final

from sayso.server.adapters.delivery_callbacks import read_report

_STATES: Final = {True: (1,), False: (2, 16)}


def fuzz_one(data: bytes) -> None:
    report = read_report(data)
    if report is None:
        return
    lines = [f"GET /dlr/{report.reference}?state={state} HTTP/1." for state in _STATES[report.delivered]]
    if not any(data.startswith(line.encode("ascii")) for line in lines):
        raise AssertionError("taken for a report, and is another request")
    if len(bytes.fromhex(report.reference)) != 16 or report.reference != report.reference.lower():
        raise AssertionError("a reference in another form than ours")


def seeds() -> list[bytes]:
    line = f"GET /dlr/{bytes(range(16)).hex()}?state=%d HTTP/1.1\r\n"
    rest = "Host: 127.0.0.1:4096\r\nUser-Agent: Kannel/1.4.5\r\n\r\n"
    return [(line % state + rest).encode("ascii") for state in (1, 2, 16)] + [b"GET / HTTP/1.0\r\n\r\n"]
