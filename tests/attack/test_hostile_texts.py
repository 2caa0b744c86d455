"""A stranger writes texts that try to become a page: script, markup, control characters, endless and invisible ones."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from random import Random

from sayso.phone.command_types import MessageChanged
from sayso.phone.core.lines import LineState
from sayso.phone.core.texts import Channel, Direction, InState, Text
from sayso.phone.web.live import Live
from sayso.phone.web.render import Pages
from sayso.phone.web.threads import Threads
from tests.aio import run
from tests.fakes.phones import BOB
from tests.fakes.web_app import LANGUAGES, outcome, web_app

COUNT = 2000
PIECES = [
    *("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</bdi></li><script>", "<svg/onload=alert(1)>"),
    *(
        "javascript:alert(1)",
        "{{ 7*7 }}",
        "{% include 'x' %}",
        "${7*7}",
        "<!--",
        "-->",
        "]]>",
        "<![CDATA[",
        "&lt;b&gt;",
    ),
    *(
        "&#60;script&#62;",
        '"',
        "'",
        "`",
        '" onmouseover="alert(1)',
        "' autofocus onfocus='alert(1)",
        "\\u003cscript\\u003e",
    ),
    *(
        "\u202e\u202e\u202e",
        "\u2066\u2067\u2068",
        "\u200b" * 50,
        "\u200d\ufe0f",
        "\ufeff",
        "a\u0301" * 40,
        "\u0e49" * 200,
    ),
    *(
        "\n\n\ndata: {}\n\n",
        "event: end\ndata: {}\n\n",
        "\r\n\r\n",
        "\x00",
        "\x1b[31m",
        "\x7f",
        "\x08\x08",
        "\u2028\u2029",
    ),
    *(
        "<style>*{display:none}</style>",
        "<base href=//evil.example>",
        "<meta http-equiv=refresh content=0>",
        "<iframe>",
    ),
    *(
        "data-post=/lines/0/off",
        "<button data-post='/session/lock'>",
        "<a href='#/lines/0/off'>",
        "<template>",
        "</template>",
    ),
    *(
        "مرحبا",
        "周五",
        "🎉👩‍👩‍👧",
        "\U000e0041",
        "x" * 3000,
        "%(name)s %s %d",
        "../../etc/passwd",
        "<" * 100,
        "&" * 100,
    ),
]


def hostile(random: Random) -> str:
    """One text of up to eight pieces."""
    return "".join(random.choice(PIECES) for _ in range(random.randint(1, 8)))


class Reader(HTMLParser):
    """Reads a fragment as a browser's parser would: which elements, which attributes, which text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self._in_text = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if self._in_text or (tag == "bdi" and ("class", "bubble-text") in attrs):
            self._in_text += 1
            self.texts += [""] if self._in_text == 1 else []

    def handle_endtag(self, tag: str) -> None:
        del tag
        self._in_text = max(0, self._in_text - 1)

    def handle_data(self, data: str) -> None:
        if self._in_text:
            self.texts[-1] += data


TAGS = {"li", "div", "bdi", "p", "span", "svg", "use", "time", "button", "h2"}
ATTRIBUTES = {
    *(
        "class",
        "data-id",
        "data-message",
        "data-day",
        "data-at",
        "tabindex",
        "role",
        "aria-label",
        "aria-hidden",
        "dir",
    ),
    *("title", "type", "data-menu", "href", "datetime"),
}


def as_read(text: str) -> str:
    """What HTML keeps of a text: no NUL; line ends are one kind."""
    return text.replace("\x00", "\ufffd").replace("\r\n", "\n").replace("\r", "\n")


def test_two_thousand_hostile_texts_are_text(tmp_path: Path) -> None:
    """Each is shown whole, in its place, and makes no element and no attribute: in a thread and in an event."""

    async def main() -> None:
        async with web_app(tmp_path) as app:
            random = Random(6)
            pages = Pages(LANGUAGES)
            threads = Threads(app.context, LANGUAGES["en"])
            for number in range(COUNT):
                text = Text(
                    id=number,
                    line=app.phone.line,
                    number=BOB,
                    message_id=number.to_bytes(16, "big"),
                    direction=Direction.IN,
                    channel=Channel.CLOUD,
                    text=hostile(random),
                    state=InState.READ,
                    at=1_800_000_000.0,
                )
                html = pages.render("_bubble.html", LANGUAGES["en"], bubble=threads.bubbles([text])[0])
                reader = Reader()
                reader.feed(html)
                assert reader.tags <= TAGS
                assert reader.attributes <= ATTRIBUTES
                assert [as_read(one) for one in reader.texts] == [as_read(text.text)]

    run(main())


def test_the_list_the_search_and_the_events_show_them_as_text_too(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            random = Random(7)
            session = app.sessions.check(browser.cookie, browser.tab)
            live = Live(app.context, Pages(LANGUAGES), app.hub)
            stream = live.stream(session, LANGUAGES["en"])
            assert (await anext(stream)).startswith(b"event: hello\n")
            for _ in range(100):
                text = app.phone.send(BOB, hostile(random))
                app.hub.tell(MessageChanged(message=app.phone.owner.shown(text)))
                event = await anext(stream)
                # One event: nothing in the text ended it, or began another.
                assert event.count(b"\n\n") == 1
                assert event.endswith(b"\n\n")
                assert re.fullmatch(rb"event: text\ndata: [^\r\n]*\n\n", event)
            await stream.aclose()
            for answer in (
                await browser.get("/list"),
                await browser.get("/c/1"),
                await browser.post("/search", {"words": "<script>"}),
                await browser.post("/search", {"words": "alert(1)"}),
            ):
                assert answer.status == 200
                page = answer.body.decode().replace('<img src="/static/icon.svg"', "")
                for word in ("<script", "<img", "<iframe", "<style", "onload=alert(1)>"):
                    assert word not in page
                reader = Reader()
                reader.feed(page)
                assert not {name for name in reader.attributes if name.startswith("on") or name == "autofocus"}

    run(main())


def test_a_hostile_name_is_text_wherever_it_stands(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            name = "\"'><script>alert(1)</script>{{7*7}}"
            await browser.post("/contacts", {"name": name, "number": BOB})
            there = outcome(await browser.post("/new", {"to": BOB}))["go"].removeprefix("#")
            app.phone.send(BOB, "hello")
            paths = ("/list", there, f"{there}/about", f"{there}/safety", "/contacts", "/new")
            pages = [(await browser.get(path)).body.decode() for path in paths]
            pages.append((await browser.post("/search", {"words": name[:9]})).body.decode())
            for page in pages:
                assert "<script" not in page
                assert "{{7*7}}" in page or "7*7" not in page

    run(main())


def test_a_sentence_that_came_from_elsewhere_is_text_too(tmp_path: Path) -> None:
    """What stands in a line's way may be told in a server's words."""

    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            line = app.phone.store.lines.get(app.phone.line)
            hostile_sentence = "<button data-post='/session/lock'>Go on</button><script>alert(1)</script>"
            for state in (LineState.OFF, LineState.POLICY_CHANGED):
                with app.phone.store.transaction("trouble"):
                    app.phone.store.lines.put(replace(line, state=state, trouble=hostile_sentence))
                for path in ("/list", "/settings", "/settings/cloud", f"/lines/{line.id.hex()}"):
                    page = (await browser.get(path)).body.decode()
                    assert "<script" not in page
                    assert "<button data-post='/session/lock'>" not in page

    run(main())


def test_templates_translate_words_of_their_own_only() -> None:
    """What jinja's gettext returns is taken for markup: a variable in it would not be escaped."""
    templates = files("sayso.phone.web").joinpath("templates")
    calls = [
        (template.name, call)
        for template in templates.iterdir()
        for call in re.findall(r"\b(?:_|ngettext|gettext)\(\s*.", template.read_text("utf-8"))
    ]
    assert len(calls) > 100
    assert [call for call in calls if not call[1].endswith('"')] == []
