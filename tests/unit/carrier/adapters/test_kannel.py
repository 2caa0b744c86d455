"""Kannel's requests: every way to say the same, and every refusal."""

from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.carrier.adapters.kannel import SENDSMS_PATH, Credentials, HttpRequest, KannelRefusalError, read_sendsms
from sayso.carrier.core.events import Submitted

USER = Credentials("sayso", "pässword")
ALICE, BOB = "+447700900001", "+447700900002"
GOOD = {"username": "sayso", "password": "pässword", "from": "Sayso", "to": ALICE, "text": "your code"}


def get(**changes: str | None) -> HttpRequest:
    query = urlencode({name: value for name, value in (GOOD | changes).items() if value is not None})
    return HttpRequest("GET", f"{SENDSMS_PATH}?{query}", [], b"")


def post(body: bytes, content_type: bytes | None = b"text/plain; charset=utf-8", **changes: str) -> HttpRequest:
    headers = {
        "x-kannel-username": "sayso",
        "x-kannel-password": "pässword",
        "x-kannel-from": "Sayso",
        "x-kannel-to": ALICE,
    } | {f"x-kannel-{name}": value for name, value in changes.items()}
    lines = [(name, value.encode()) for name, value in headers.items()]
    if content_type is not None:
        lines.append(("content-type", content_type))
    return HttpRequest("POST", SENDSMS_PATH, lines, body)


def refusal(request: HttpRequest) -> int:
    with pytest.raises(KannelRefusalError) as caught:
        read_sendsms(request, USER)
    return caught.value.status


@pytest.mark.parametrize(
    "request_",
    [
        get(),
        get(username=None, user="sayso", password=None, **{"pass": "pässword"}),
        get(**{"dlr-url": "http://127.0.0.1/?%d", "dlr-mask": "31", "smsc": "one", "validity": "60"}),
        get(coding="2", text="your code", charset="utf-8"),
        post(b"your code"),
        post(b"your code", None),
        post("your code".encode("utf-16-be"), b'text/plain; charset="UTF-16BE"', coding="2"),
        HttpRequest(
            "POST",
            SENDSMS_PATH,
            [("content-type", b"application/x-www-form-urlencoded")],
            urlencode(GOOD).encode(),
        ),
    ],
)
def test_all_ways_to_say_the_same(request_: HttpRequest) -> None:
    assert read_sendsms(request_, USER) == Submitted("Sayso", (ALICE,), "your code")


@pytest.mark.parametrize(
    ("to", "numbers"),
    [
        (ALICE, (ALICE,)),
        ("447700900001", (ALICE,)),
        ("00447700900001", (ALICE,)),
        (f"{ALICE} {BOB}", (ALICE, BOB)),
        ("12345", ("12345",)),
        ("07700900001", ("07700900001",)),
    ],
)
def test_recipients(to: str, numbers: tuple[str, ...]) -> None:
    assert read_sendsms(get(to=to), USER).to == numbers


def test_a_plus_that_decoded_to_a_space_is_a_plus() -> None:
    request = get()
    bare = HttpRequest("GET", request.target.replace(quote(ALICE), ALICE), [], b"")
    assert bare.target != request.target
    assert read_sendsms(bare, USER).to == (ALICE,)


@given(st.text(st.characters(codec="utf-8")))
def test_ucs2_carries_every_text(text: str) -> None:
    assert read_sendsms(get(coding="2", charset="utf-8", text=text), USER).text == text
    utf16 = quote(text.encode("utf-16-be"))
    request = get(text=None, coding="2")
    assert read_sendsms(HttpRequest("GET", f"{request.target}&text={utf16}", [], b""), USER).text == text


def test_the_gsm_alphabet_replaces_what_it_lacks() -> None:
    assert read_sendsms(get(text="naïve € 😀"), USER).text == "na?ve € ?"
    latin = get(text=None, charset="ISO-8859-1")
    assert read_sendsms(HttpRequest("GET", f"{latin.target}&text=%E9", [], b""), USER).text == "é"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (get(password="wrong"), 403),
        (get(password=None), 403),
        (get(username="other"), 403),
        (get(username=None), 403),
        (get(password="wrong", to=None), 403),  # who may not send learns nothing else
        (get(to=None), 400),
        (get(to="  "), 400),
        (get(to=" ".join([ALICE] * 51)), 400),
        (get(**{"from": None}), 400),
        (get(text=None), 400),
        (get(coding="1"), 400),
        (get(coding="3"), 400),
        (get(udh="060504"), 400),
        (get(charset="zip"), 400),
        (get(charset="utf-16be", text="odd"), 400),
        (HttpRequest("GET", f"{get().target}&text=%FF", [], b""), 400),
        (HttpRequest("GET", f"{get().target}&to=%FF", [], b""), 400),
        (HttpRequest("GET", f"{SENDSMS_PATH}?" + "&".join(f"a{n}=1" for n in range(51)), [], b""), 400),
        (HttpRequest("GET", "/", [], b""), 404),
        (HttpRequest("GET", f"{SENDSMS_PATH}/", [], b""), 404),
        (HttpRequest("GET", "//[", [], b""), 404),
        (HttpRequest("PUT", SENDSMS_PATH, [], b""), 405),
        (post(b"\xff"), 400),
        (post(b"text", b"text/plain; charset=hex"), 400),
    ],
)
def test_refusals(request_: HttpRequest, status: int) -> None:
    assert refusal(request_) == status


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126)), st.binary())
def test_any_request_is_read_or_refused(target: str, body: bytes) -> None:
    for request in (
        HttpRequest("GET", target, [], b""),
        HttpRequest("POST", f"{SENDSMS_PATH}?{target}", [("content-type", body)], body),
        HttpRequest("POST", SENDSMS_PATH, [("content-type", b"application/x-www-form-urlencoded")], body),
    ):
        assert refusal(request) in {400, 403, 404}


def test_no_password_in_a_repr() -> None:
    assert "ssword" not in repr(USER)
    assert repr(get()) == "HttpRequest(method='GET')"
