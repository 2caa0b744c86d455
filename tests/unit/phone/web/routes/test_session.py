"""The files of the app, which are the same for everybody."""

import gzip
import re
import struct
from importlib import resources
from pathlib import Path

import pytest

from sayso.phone.web.routes.session import STATIC
from tests.aio import run
from tests.fakes.web_app import Browser, web_app

COMPRESSED = {name for name in STATIC if not name.endswith(".png")}


def test_every_file_arrives_whole_compressed_or_not(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = Browser(app.client)
            for name in STATIC:
                whole = resources.files("sayso.phone.web").joinpath("static", name).read_bytes()
                plain = await browser.get(f"/static/{name}")
                assert (plain.body, plain.field("content-encoding")) == (whole, None)
                packed = await browser.get(f"/static/{name}", accept_encoding="gzip, deflate, br")
                if name in COMPRESSED:
                    assert packed.field("content-encoding") == "gzip"
                    assert packed.field("vary") == "Accept-Encoding"
                    assert gzip.decompress(packed.body) == whole
                    assert packed.field("content-type") == plain.field("content-type")
                else:
                    assert (packed.body, packed.field("content-encoding")) == (whole, None)

    run(main())


@pytest.mark.parametrize(
    ("asked", "encoding"),
    [("gzip", "gzip"), ("br;q=1, GZIP;q=0.5", "gzip"), ("gzip;q=0", None), ("br, gzip; q=0.0", None), ("br", None)],
)
def test_nothing_is_compressed_for_whoever_does_not_want_it(tmp_path: Path, asked: str, encoding: str | None) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            answer = await Browser(app.client).get("/static/app.js", accept_encoding=asked)
            assert answer.field("content-encoding") == encoding

    run(main())


def test_what_is_private_is_never_compressed(tmp_path: Path) -> None:
    """Its length would tell what is in it."""

    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            app.phone.send("+447700900102", "meet me at the heron")
            for path in ("/list", "/c/1", "/settings", "/privacy"):
                answer = await browser.get(path, accept_encoding="gzip")
                assert (answer.status, answer.field("content-encoding")) == (200, None)

    run(main())


def test_there_is_no_other_file(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            for name in ("nothing.css", "..", "app.css.gz", "%2e%2e%2fsite.py"):
                assert (await Browser(app.client).get(f"/static/{name}", accept_encoding="gzip")).status == 404

    run(main())


def test_one_file_stands_between_the_first_answer_and_the_first_paint(tmp_path: Path) -> None:
    """The style sheet; it, the script and what that imports are told of with the head of the answer."""

    async def main() -> None:
        async with web_app(tmp_path) as app:
            answer = await Browser(app.client).get("/")
            page = answer.body.decode()
            assert re.findall(r'<link rel="stylesheet" href="([^"]+)">', page) == ["/static/app.css"]
            assert re.findall(r"<script ([^>]*)>", page) == ['src="/static/app.js" type="module"']  # deferred by kind
            assert "<style" not in page
            assert "@import" not in (style := (await Browser(app.client).get("/static/app.css")).body.decode())
            assert "url(" not in style  # no font and no picture
            script = (await Browser(app.client).get("/static/app.js")).body.decode()
            imported = {f"/static/{name}" for name in re.findall(r'from "\./([^"]+)"', script)}
            told = set(re.findall(r"<([^>]+)>", answer.field("link") or ""))
            assert told == {"/static/app.css", "/static/app.js"} | imported

    run(main())


@pytest.mark.parametrize(("size", "most_bytes"), [(192, 8_000), (512, 30_000)])
def test_icons_are_small_and_as_large_as_they_say(size: int, most_bytes: int) -> None:
    content = resources.files("sayso.phone.web").joinpath("static", f"icon-{size}.png").read_bytes()
    assert len(content) <= most_bytes
    assert struct.unpack(">II", content[16:24]) == (size, size)
