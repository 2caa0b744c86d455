"""Whoever is audited chooses what stands in the report: hosts, names, values, evidence. None of it may run or lead out.

The report is opened in a browser by the people who would be worth attacking.
"""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from sayso.audit.core.findings import Report
from sayso.audit.core.model import Exchange, Field, Mark, NotSeen, Peer, Place
from sayso.audit.report import html, json_report, sarif
from tests.fakes.audit_world import scanner

IMEI = b"490154203237518"
PAYLOADS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    "</style><script>alert(1)</script>",
    "</title><svg onload=alert(1)>",
    "javascript:alert(1)",
    "{{ 7*7 }}{% for x in y %}",
    "<!--<script>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "]]><iframe src=//evil.example>",
    "\u202egnp.exe\u2066\u200b",
    "\x00\x1b[31mred\x07",
)


def hostile(payload: str) -> Report:
    """A report with the payload in every field that traffic or a recording decides."""
    raw = payload.encode()
    made = scanner()
    made.begin(payload)
    made.note(payload)
    made.feed(Mark(1.0, payload))
    fields = (
        Field(Place.URL, payload, b"http://h/" + raw + b"?imei=" + IMEI),
        Field(Place.HEADER, payload, raw + b" " + IMEI + b" " + raw),
        Field(Place.COOKIE, payload, b"a=" + IMEI + b"; " + raw),
        Field(Place.BODY, payload, raw + b'":"' + IMEI + b'"' + raw),
    )
    made.feed(
        Exchange(0, 2.0, Peer(payload, payload, 1), payload, fields, encrypted=None, method=payload, phase=payload)
    )
    made.feed(Exchange(1, 3.0, Peer(payload), payload, fields[3:], encrypted=True))
    made.feed(NotSeen(2, 4.0, Peer(payload), payload, payload, 1, 2))
    report = made.report()
    assert report.findings
    found = tuple(replace(one, owner=payload, detail=payload) for one in report.findings)
    return replace(report, findings=found)


class _Reader(HTMLParser):
    """What a browser would make of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.policies: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        given = dict(attrs)
        self.attributes |= given.keys()
        if given.get("http-equiv"):
            self.policies.append(f"{given['http-equiv']}: {given.get('content')}")
        self.links += [value or "" for name, value in attrs if name in {"href", "src", "action", "data", "xlink:href"}]


HARMLESS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "h1",
        "h2",
        "p",
        "svg",
        "rect",
        "text",
        "div",
        "table",
        "thead",
    ),
    *("tr", "th", "tbody", "td", "details", "summary", "b", "code", "span", "pre", "mark"),
}


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_payload_becomes_markup(payload: str) -> None:
    few = hostile(payload)
    many = replace(few, findings=few.findings * 301)
    for report in (few, many):
        _harmless(html.render(report))


def _harmless(page: str) -> None:
    reader = _Reader()
    reader.feed(page)
    assert reader.tags <= HARMLESS
    assert not [name for name in reader.attributes if name.startswith("on") or name == "style"]
    assert reader.links == []
    assert len(reader.policies) == 1
    assert reader.policies[0].startswith("Content-Security-Policy: default-src 'none'; style-src 'sha256-")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_invisible_is_left(payload: str) -> None:
    report = hostile(payload)
    for text in (html.render(report), json_report.render(report).decode(), sarif.render(report).decode()):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", text)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_the_report_is_read_back_and_written_the_same(payload: str) -> None:
    report = json_report.read(json_report.render(hostile(payload)))
    assert html.render(report)


def test_no_script_is_in_the_page_at_all() -> None:
    assert "<script" not in html.render(hostile("harmless")).lower()
