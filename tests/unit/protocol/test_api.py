"""Bodies of the control plane: bounds, unknown members, and the sealed number."""

import msgspec
import pytest

from sayso.protocol import api, xwing
from sayso.protocol.errors import NumberError
from sayso.protocol.keys import DeviceKeys, EnvelopeKey, RatchetKey
from sayso.protocol.limits import LIMITS
from sayso.protocol.numbers import PhoneNumber
from sayso.protocol.xwing import SealPublicKey
from scripts.vector_cast import ALICE, EPOCH, REGISTRAR, seed
from tests.fuzz.vectors import vectors

KEYS = DeviceKeys(bytes(16), bytes(32), bytes(32), bytes(64))
ENROL = api.Enrol(
    id=bytes(16),
    consent={"record": {}},
    keys=KEYS,
    epoch=EPOCH,
    registrar_key_id=3,
    sealed_number=bytes(api.SEALED_NUMBER_BYTES),
)
RATCHET = RatchetKey(1, bytes(32), bytes(64))
BODIES: list[msgspec.Struct] = [
    ENROL,
    api.Confirm(id=bytes(16), code="012345"),
    api.PublishKeys(one_time=[RATCHET], fallback=RATCHET, envelope=EnvelopeKey(1, 1, bytes(1216), bytes(64))),
    api.Claim(request_id=bytes(16), lines=[api.ClaimLine(token=bytes(33), grant=bytes(32))]),
    api.Evaluate(epoch=EPOCH, elements=[bytes(32)]),
    api.SetGrant(grant_hash=bytes(32)),
    api.Empty(),
    api.WithdrawConsent(withdrawal={"withdrawal": {}}),
]


def name(value: object) -> str:
    return type(value).__name__


@pytest.mark.parametrize("body", BODIES, ids=name)
def test_each_body_comes_back_from_json(body: msgspec.Struct) -> None:
    assert msgspec.json.decode(msgspec.json.encode(body), type=type(body)) == body


@pytest.mark.parametrize("body", BODIES, ids=name)
def test_unknown_members_of_a_request_are_refused(body: msgspec.Struct) -> None:
    document = {**msgspec.to_builtins(body), "more": 1}
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.json.decode(msgspec.json.encode(document), type=type(body))


def b64(length: int) -> str:
    text: str = msgspec.to_builtins(bytes(length))
    return text


@pytest.mark.parametrize(
    ("body", "change"),
    [
        (ENROL, {"id": b64(15)}),
        (ENROL, {"epoch": 256}),
        (ENROL, {"registrar_key_id": 2**32}),
        (ENROL, {"sealed_number": b64(api.SEALED_NUMBER_BYTES + 1)}),
        (ENROL, {"sealed_number": b64(api.SEALED_NUMBER_BYTES - 1)}),
        (ENROL, {"consent": []}),
        *(
            (BODIES[1], {"code": code})
            for code in ("12345", "1234567", "12345\n", "12345a", "\u0661" * 6, " 12345", 123456)
        ),
        (BODIES[2], {"one_time": [msgspec.to_builtins(RATCHET)] * (LIMITS.one_time_keys + 1)}),
        (BODIES[3], {"lines": []}),
        (BODIES[3], {"lines": [{"token": b64(33)}] * (LIMITS.claims_per_request + 1)}),
        (BODIES[3], {"lines": [{"token": b64(32)}]}),
        (BODIES[3], {"lines": [{"token": b64(33), "grant": b64(33)}]}),
        (BODIES[3], {"request_id": b64(17)}),
        (BODIES[4], {"elements": []}),
        (BODIES[4], {"elements": [b64(31)]}),
        (BODIES[4], {"elements": [b64(32)] * (LIMITS.evaluations_per_request + 1)}),
        (BODIES[5], {"grant_hash": b64(31)}),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else name(value),
)
def test_one_over_a_bound_is_refused(body: msgspec.Struct, change: dict[str, object]) -> None:
    document = {**msgspec.to_builtins(body), **change}
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(document), type=type(body))


def test_as_much_as_is_allowed_is_taken_and_fits_into_a_request() -> None:
    most = [
        api.PublishKeys(one_time=[RATCHET] * LIMITS.one_time_keys),
        api.Claim(
            request_id=bytes(16), lines=[api.ClaimLine(token=bytes(33), grant=bytes(32))] * LIMITS.claims_per_request
        ),
        api.Evaluate(epoch=EPOCH, elements=[bytes(32)] * LIMITS.evaluations_per_request),
    ]
    for body in most:
        encoded = msgspec.json.encode(body)
        assert msgspec.json.decode(encoded, type=type(body)) == body
        assert len(encoded) <= LIMITS.request_bytes


@pytest.mark.parametrize("body", BODIES, ids=name)
def test_no_code_grant_or_sealed_number_shows_in_a_repr(body: msgspec.Struct) -> None:
    shown = repr(body)
    assert "012345" not in shown
    assert "x00" not in shown


def test_no_id_stands_in_a_path() -> None:
    paths = [value for name, value in vars(api).items() if name.endswith("_PATH")]
    assert len(set(paths)) == len(paths) > 10
    assert all(path.replace("/", "").replace("-", "").replace(".", "").isalnum() for path in paths)


def test_a_sealed_number_has_the_same_size_for_every_number() -> None:
    key = SealPublicKey(REGISTRAR.public_bytes())
    for e164 in ("+4477009", "+447700900123", "+447700900123456"):
        sealed = key.seal(api.number_plaintext(ALICE.salt, e164), info=b"")
        assert len(sealed) == api.SEALED_NUMBER_BYTES == 48 + xwing.OVERHEAD
        assert api.read_number_plaintext(REGISTRAR.open(sealed, info=b"")) == (ALICE.salt, e164)


def test_the_info_ties_a_sealed_number_to_enrolment_epoch_and_nonce() -> None:
    stored = vectors("sealed")["number"]
    info = api.number_info(bytes.fromhex(stored["enrolment"]), stored["epoch"], stored["nonce"])
    assert info.hex() == stored["info"]
    assert info == b"sayso/number/1" + seed("enrolment id", 16) + bytes([EPOCH]) + stored["nonce"].encode()


@pytest.mark.parametrize("text", [b"", b"+44\xff7700900123", b"+447700900123\n", b"\0" * 16, b"+447700\0900123"])
def test_a_plaintext_that_holds_no_number_makes_none(text: bytes) -> None:
    salt, number = api.read_number_plaintext(ALICE.salt + text.ljust(16, b"\0"))
    assert salt == ALICE.salt
    with pytest.raises(NumberError):
        PhoneNumber(number)


def test_problem_types_are_words_of_an_urn() -> None:
    assert api.PROBLEM_PREFIX == "urn:sayso:problem:"
    assert all(kind == kind.lower() and kind.replace("-", "").isalpha() for kind in api.ProblemType)
