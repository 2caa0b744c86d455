"""Published keys: each signed by its device, for its purpose."""

import msgspec
import pytest

from sayso.protocol import keys, xwing
from sayso.protocol.errors import SignatureError
from sayso.protocol.ids import DeviceId, KeyDigest
from sayso.protocol.limits import LIMITS
from sayso.protocol.signing import Purpose
from scripts.vector_cast import ALICE, BOB, NOW, SERVER, seed
from tests.fuzz.vectors import vectors

PUBLIC = seed("one-time public")
IDENTITY = keys.sign_identity(BOB.key, device=BOB.device, server=SERVER, curve25519=BOB.curve25519)
ONE_TIME = keys.sign_ratchet_key(
    BOB.key, Purpose.ONE_TIME_KEY, device=BOB.device, server=SERVER, key_id=5, public=PUBLIC
)
ENVELOPE = keys.sign_envelope_key(
    BOB.key, device=BOB.device, server=SERVER, key_id=1, created=NOW, public=BOB.envelope_key.public_bytes()
)
ELSEWHERE = KeyDigest(seed("another server"))


def test_they_are_those_of_the_vectors() -> None:
    stored = vectors("keys")
    assert IDENTITY.signature.hex() == stored["identity"]["signature"]
    assert ONE_TIME.signature.hex() == stored["one_time"]["signature"]
    assert ENVELOPE.signature.hex() == stored["envelope"]["signature"]
    fallback = keys.RatchetKey(
        stored["fallback"]["id"],
        bytes.fromhex(stored["fallback"]["key"]),
        bytes.fromhex(stored["fallback"]["signature"]),
    )
    keys.verify_ratchet_key(BOB.ed25519, fallback, Purpose.FALLBACK_KEY, device=BOB.device, server=SERVER)


def test_an_identity_is_tied_to_its_device_and_server() -> None:
    keys.verify_identity(IDENTITY, server=SERVER)
    with pytest.raises(SignatureError):
        keys.verify_identity(IDENTITY, server=ELSEWHERE)
    for change in (
        {"device": ALICE.device},
        {"curve25519": ALICE.curve25519},
        {"ed25519": ALICE.ed25519},
        {"signature": bytes(64)},
    ):
        with pytest.raises(SignatureError):
            keys.verify_identity(msgspec.structs.replace(IDENTITY, **change), server=SERVER)


def verify_one_time(key: keys.RatchetKey = ONE_TIME, purpose: Purpose = Purpose.ONE_TIME_KEY) -> None:
    keys.verify_ratchet_key(BOB.ed25519, key, purpose, device=BOB.device, server=SERVER)


def test_a_one_time_key_is_no_fallback_key_and_has_one_id() -> None:
    verify_one_time()
    with pytest.raises(SignatureError):
        verify_one_time(purpose=Purpose.FALLBACK_KEY)
    with pytest.raises(SignatureError):
        verify_one_time(msgspec.structs.replace(ONE_TIME, id=6))
    with pytest.raises(SignatureError):
        verify_one_time(msgspec.structs.replace(ONE_TIME, key=seed("another")))
    with pytest.raises(SignatureError):
        keys.verify_ratchet_key(ALICE.ed25519, ONE_TIME, Purpose.ONE_TIME_KEY, device=BOB.device, server=SERVER)
    with pytest.raises(SignatureError):
        keys.verify_ratchet_key(BOB.ed25519, ONE_TIME, Purpose.ONE_TIME_KEY, device=ALICE.device, server=SERVER)
    with pytest.raises(SignatureError):
        keys.verify_ratchet_key(BOB.ed25519, ONE_TIME, Purpose.ONE_TIME_KEY, device=BOB.device, server=ELSEWHERE)


def verify_envelope(
    key: keys.EnvelopeKey = ENVELOPE,
    *,
    ed25519: bytes = BOB.ed25519,
    device: DeviceId = BOB.device,
    server: KeyDigest = SERVER,
    now: int = NOW,
) -> None:
    keys.verify_envelope_key(ed25519, key, device=device, server=server, now=now)


def test_an_envelope_key_is_tied_to_its_device_server_id_and_age() -> None:
    verify_envelope()
    replace = msgspec.structs.replace
    for key in (replace(ENVELOPE, id=2), replace(ENVELOPE, created=NOW + 1), replace(ENVELOPE, key=bytes(1216))):
        with pytest.raises(SignatureError):
            verify_envelope(key)
    with pytest.raises(SignatureError):
        verify_envelope(ed25519=ALICE.ed25519)
    with pytest.raises(SignatureError):
        verify_envelope(device=ALICE.device)
    with pytest.raises(SignatureError):
        verify_envelope(server=ELSEWHERE)


def test_an_old_envelope_key_is_not_sealed_to_whatever_the_server_serves() -> None:
    verify_envelope(now=NOW + LIMITS.envelope_key_accept_s)
    with pytest.raises(SignatureError, match="too old"):
        verify_envelope(now=NOW + LIMITS.envelope_key_accept_s + 1)


@pytest.mark.parametrize(
    ("struct", "change"),
    [
        (keys.DeviceKeys, {"device": "AAAA"}),
        (keys.DeviceKeys, {"more": 1}),
        (keys.RatchetKey, {"id": -1}),
        (keys.RatchetKey, {"id": 2**53}),
        (keys.RatchetKey, {"key": "AAAA"}),
        (keys.EnvelopeKey, {"id": 2**32}),
        (keys.EnvelopeKey, {"created": -1}),
        (keys.EnvelopeKey, {"signature": "AAAA"}),
        (keys.EnvelopeKey, {"more": None}),
    ],
    ids=str,
)
def test_bounds_and_unknown_members_are_refused(struct: type[msgspec.Struct], change: dict[str, object]) -> None:
    examples = {keys.DeviceKeys: IDENTITY, keys.RatchetKey: ONE_TIME, keys.EnvelopeKey: ENVELOPE}
    document = msgspec.to_builtins(examples[struct])
    assert msgspec.convert(document, struct) == examples[struct]
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**document, **change}, struct)


def test_a_published_envelope_key_has_one_size() -> None:
    assert len(ENVELOPE.key) == xwing.PUBLIC_BYTES
    document = msgspec.to_builtins(ENVELOPE)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**document, "key": document["key"][:-4]}, keys.EnvelopeKey)
