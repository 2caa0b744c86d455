"""The control socket's language, and that its reference page knows every word of it."""

import json
import re
from pathlib import Path

from sayso.carrier.control import MAX_LINE_BYTES, Reply, Request, encode_line, reply_decoder, request_decoder
from sayso.carrier.core.events import Inject
from sayso.carrier.errors import RefusedError
from sayso.protocol.modem import MAX_TEXT_CHARS

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "carrier.md").read_text(encoding="utf-8")
KINDS = Request.__args__


def test_every_request_on_the_page_is_one_and_every_request_is_on_the_page() -> None:
    examples = re.findall(r'\{"op":.*?\}', PAGE)
    assert {type(request_decoder.decode(example)) for example in examples} == set(KINDS)


def test_every_refusal_is_on_the_page() -> None:
    codes = {kind.code for kind in RefusedError.__subclasses__()} | {"bad-request"}
    assert all(f"`{code}`" in PAGE for code in codes)


def test_a_request_survives_the_way() -> None:
    for example in re.findall(r'\{"op":.*?\}', PAGE):
        request = request_decoder.decode(example)
        line = encode_line(request)
        assert line.count(b"\n") == 1
        assert request_decoder.decode(line) == request


def test_the_longest_text_with_every_character_escaped_fits_into_a_line() -> None:
    request = Inject(sender="BANK", to="+447700900001", text="😀" * MAX_TEXT_CHARS)
    escaped = json.dumps(json.loads(encode_line(request)))
    assert len(escaped) < MAX_LINE_BYTES
    assert request_decoder.decode(escaped) == request


def test_an_answer_has_no_empty_fields() -> None:
    assert encode_line(Reply(ok=True)) == b'{"ok":true}\n'
    assert reply_decoder.decode(b'{"ok":true}\n') == Reply(ok=True)
