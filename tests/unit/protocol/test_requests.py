"""Signed requests, with an independent library as the judge of our profile of RFC 9421."""

import base64
from dataclasses import dataclass, replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import HTTPMessageVerifier, HTTPSignatureKeyResolver, InvalidSignature, algorithms
from hypothesis import given
from hypothesis import strategies as st

from sayso.protocol.errors import SignatureError
from sayso.protocol.ids import KeyDigest
from sayso.protocol.requests import (
    TAG,
    Request,
    content_digest,
    read_claim,
    sign_request,
    signature_base,
    verify_request,
)
from scripts.vector_cast import ALICE, BOB, SERVER, seed
from tests.fuzz.vectors import vectors

NONCE = "bm9uY2UtZm9yLXRoZS12ZWN0b3Jz"
REQUEST = Request(method="POST", authority="chat.example", path="/v1/grant", body=b'{"grant_hash":"AAAA"}')
COVERED = ("@method", "@authority", "@path", "content-digest", "sayso-server")


def signed(request: Request = REQUEST, nonce: str = NONCE) -> dict[str, str]:
    return sign_request(request, key=ALICE.key, device=ALICE.device, server=SERVER, nonce=nonce)


def check(headers: dict[str, str], request: Request = REQUEST, public_key: bytes = ALICE.ed25519) -> None:
    claim = read_claim({name.lower(): value for name, value in headers.items()})
    verify_request(claim, request, public_key=public_key, server=SERVER)


class Keys(HTTPSignatureKeyResolver):
    """Knows Alice's device only."""

    def resolve_public_key(self, key_id: str) -> Ed25519PublicKey:
        if key_id != ALICE.device.hex():
            raise InvalidSignature("unknown device")
        return Ed25519PublicKey.from_public_bytes(ALICE.ed25519)


@dataclass
class Message:
    """A request as the library wants it."""

    method: str
    url: str
    headers: dict[str, str]


class Judge(HTTPMessageVerifier):
    require_created = False


def judge(headers: dict[str, str], request: Request = REQUEST) -> None:
    """Let the library check a request.

    Raises:
        InvalidSignature: it does not verify.
    """
    verifier = Judge(signature_algorithm=algorithms.ED25519, key_resolver=Keys())
    message = Message(request.method, f"https://{request.authority}{request.path}", headers)
    (result,) = verifier.verify(message, max_age=None, expect_tag=TAG, require_components=COVERED, body=request.body)
    assert result.nonce is not None
    assert result.nonce in headers["Signature-Input"]
    assert set(result.parameters) == {"nonce", "keyid", "alg", "tag"}


def test_it_is_that_of_the_vectors() -> None:
    stored = vectors("requests")
    request = Request(
        method=stored["method"], authority=stored["authority"], path=stored["path"], body=stored["body"].encode()
    )
    assert signed(request, stored["nonce"]) == stored["headers"]
    claim = read_claim({name.lower(): value for name, value in stored["headers"].items()})
    assert signature_base(claim, request).decode() == stored["signature_base"]
    judge(stored["headers"], request)


def test_the_signature_base_is_that_of_rfc_9421_section_2_5() -> None:
    claim = read_claim({name.lower(): value for name, value in signed().items()})
    lines = signature_base(claim, REQUEST).decode().split("\n")
    assert [line.split(": ")[0] for line in lines] == [*(f'"{name}"' for name in COVERED), '"@signature-params"']
    assert lines[0] == '"@method": POST'
    assert lines[1] == '"@authority": chat.example'
    assert lines[2] == '"@path": /v1/grant'


def test_a_signed_request_is_accepted_by_us_and_by_the_judge() -> None:
    headers = signed()
    check(headers)
    judge(headers)
    claim = read_claim({name.lower(): value for name, value in headers.items()})
    assert (claim.device, claim.nonce) == (ALICE.device, NONCE)


@given(
    st.sampled_from(["GET", "POST", "DELETE"]),
    st.sampled_from(["chat.example", "chat.example:8443", "127.0.0.1:8080"]),
    st.from_regex(r"/[a-z0-9/._~-]{0,40}", fullmatch=True),
    st.binary(max_size=200),
    st.from_regex(r"[A-Za-z0-9_-]{22,128}", fullmatch=True),
)
def test_every_request_that_we_sign_is_accepted_by_the_judge(
    method: str, authority: str, path: str, body: bytes, nonce: str
) -> None:
    request = Request(method=method, authority=authority, path=path, body=body)
    headers = signed(request, nonce)
    check(headers, request)
    judge(headers, request)


@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"authority": "chat.example:8443"},
        {"authority": "evil.example"},
        {"path": "/v1/withdraw"},
        {"path": "/v1/grant/"},
        {"body": b""},
        {"body": REQUEST.body + b" "},
    ],
    ids=str,
)
def test_a_changed_request_is_refused_by_us_and_by_the_judge(change: dict[str, str]) -> None:
    headers, changed = signed(), replace(REQUEST, **change)  # type: ignore[arg-type]  # bytes for the body
    with pytest.raises(SignatureError):
        check(headers, changed)
    with pytest.raises(InvalidSignature):
        judge(headers, changed)


def other_nonce(headers: dict[str, str]) -> None:
    headers["Signature-Input"] = headers["Signature-Input"].replace(NONCE, NONCE[::-1])


def other_digest(headers: dict[str, str]) -> None:
    headers["Content-Digest"] = content_digest(b"another body")


def other_server(headers: dict[str, str]) -> None:
    headers["Sayso-Server"] = base64.b64encode(seed("another server")).decode()


def other_signature(headers: dict[str, str]) -> None:
    headers["Signature"] = signed(replace(REQUEST, path="/"))["Signature"]


def other_tag(headers: dict[str, str]) -> None:
    headers["Signature-Input"] = headers["Signature-Input"].replace(TAG, "sayso/request/2")


def other_algorithm(headers: dict[str, str]) -> None:
    headers["Signature-Input"] = headers["Signature-Input"].replace("ed25519", "hmac-sha256")


def fewer_components(headers: dict[str, str]) -> None:
    headers["Signature-Input"] = headers["Signature-Input"].replace('"@path" ', "")


@pytest.mark.parametrize(
    "change",
    [other_nonce, other_digest, other_server, other_signature, other_tag, other_algorithm, fewer_components],
    ids=lambda change: change.__name__,
)
def test_changed_fields_are_refused_by_us_and_by_the_judge(change: object) -> None:
    headers = signed()
    assert callable(change)
    change(headers)
    with pytest.raises(SignatureError):
        check(headers)
    with pytest.raises(InvalidSignature):
        judge(headers)


def test_another_devices_key_does_not_verify() -> None:
    with pytest.raises(SignatureError, match="does not verify"):
        check(signed(), public_key=BOB.ed25519)
    with pytest.raises(SignatureError, match="does not verify"):
        check(signed(), public_key=b"")


def test_a_request_to_another_server_is_refused_before_the_signature() -> None:
    headers = sign_request(
        REQUEST, key=ALICE.key, device=ALICE.device, server=KeyDigest(seed("another server")), nonce=NONCE
    )
    with pytest.raises(SignatureError, match="another server"):
        check(headers)


@pytest.mark.parametrize("name", ["Content-Digest", "Sayso-Server", "Signature-Input", "Signature"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda _: None,
        lambda value: value + "\n",
        lambda value: value + " ",
        lambda value: " " + value,
        lambda value: value + ", " + value,
        lambda value: value[:-1],
        lambda value: value.replace("A", "\u0410").replace("a", "\u0430").replace("s", "\u0455"),
        lambda value: value + "\ud800",
        lambda value: value.upper(),
        lambda value: value * 100,
    ],
    ids=["missing", "newline", "space", "space before", "twice", "cut", "not ascii", "surrogate", "upper", "long"],
)
def test_a_field_in_another_form_is_refused(name: str, damage: object) -> None:
    headers = signed()
    assert callable(damage)
    damaged = damage(headers.pop(name))
    if damaged is not None:
        headers[name] = damaged
    with pytest.raises(SignatureError):
        check(headers)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (ALICE.device.hex(), ALICE.device.hex().upper()),
        (ALICE.device.hex(), "\u0660" * 32),
        (ALICE.device.hex(), ALICE.device.hex()[:-1]),
        (NONCE, "short"),
        (NONCE, "n" * 129),
        (NONCE, NONCE + "="),
        (NONCE, NONCE + "\u0661"),
        (';alg="ed25519"', ""),
        (";nonce", ";created=1;nonce"),
        ("sayso=", "other="),
    ],
)
def test_parameters_in_another_form_are_refused(old: str, new: str) -> None:
    headers = signed()
    assert old in headers["Signature-Input"]
    headers["Signature-Input"] = headers["Signature-Input"].replace(old, new, 1)
    with pytest.raises(SignatureError, match="not signed in the form"):
        check(headers)


@pytest.mark.parametrize("length", [22, 128])
def test_the_shortest_and_the_longest_nonce_are_taken(length: int) -> None:
    check(signed(nonce="n" * length))


@pytest.mark.parametrize(
    "nonce", ["", "n" * 21, "n" * 129, 'n"' * 12, "n" * 22 + "\r\nX: y", "\u0661" * 22, "n" * 22 + "\n"]
)
def test_a_hostile_servers_nonce_writes_no_field_of_its_own(nonce: str) -> None:
    with pytest.raises(SignatureError, match="nonce"):
        signed(nonce=nonce)


@pytest.mark.parametrize(
    "change",
    [
        {"path": '/\n"@path": /v1/grant'},
        {"path": "/caf\u00e9"},
        {"path": ""},
        {"path": "/a b"},
        {"method": 'POST\n"@authority": evil.example'},
        {"authority": "chat.example\n"},
        {"authority": ""},
    ],
    ids=str,
)
def test_what_could_pass_for_another_line_of_the_base_is_not_signed(change: dict[str, str]) -> None:
    with pytest.raises(SignatureError, match="visible ASCII"):
        signed(replace(REQUEST, **change))  # type: ignore[arg-type]  # the body stays
    with pytest.raises(SignatureError):
        check(signed(), replace(REQUEST, **change))  # type: ignore[arg-type]  # the body stays


def test_neither_body_nor_nonce_nor_device_shows_in_a_repr() -> None:
    claim = read_claim({name.lower(): value for name, value in signed().items()})
    assert repr(claim) == "Claimed()"
    assert repr(REQUEST) == "Request(method='POST', authority='chat.example', path='/v1/grant')"


def test_the_digest_is_that_of_rfc_9530() -> None:
    assert content_digest(b'{"hello": "world"}\n') == "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
