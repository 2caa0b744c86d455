"""Make tests/vectors/*.json, with which another client can be written and checked (docs/protocol.md, "Test vectors").

``python -m scripts.make_vectors`` writes them; ``--check`` changes nothing and exits with 1 when one is out of date.
HPKE and the VOPRF's blinding draw randomness of their own, so what is sealed stays as it is stored for as long as it
opens to what it should. rfc9497.json is the RFC's own and is not made here. All values are hex unless their name or the
file's `about` says otherwise.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct
from voprf.ristretto import Evaluator

from sayso.consent import receipts, records
from sayso.protocol import (
    api,
    certificate,
    content,
    enrolled_set,
    envelope,
    keys,
    passphrase,
    pin,
    requests,
    set_manifest,
    statement,
    stream,
    tokens,
)
from sayso.protocol.errors import SaysoError
from sayso.protocol.frames import Frame
from sayso.protocol.ids import Token, grant_hash, handle_hash
from sayso.protocol.signing import NO_DEVICE, Purpose, sign, signed_bytes
from sayso.protocol.xwing import SealPublicKey
from scripts.vector_cast import (
    ALICE,
    BOB,
    CERTIFICATE_KEY,
    EPOCH,
    LONG_TERM,
    NOW,
    RECEIPT_KEY,
    RECORD,
    REGISTRAR,
    SERVER,
    SERVER_KEY,
    STATEMENT,
    VOPRF_SEED,
    seed,
)
from scripts.vector_frames import BODIES, CLIENT, HANDLE, example_content
from scripts.vector_frames import SERVER as SERVER_FRAMES

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = "tests/vectors"
Vector = dict[str, Any]
NONCE: Final = "bm9uY2UtZm9yLXRoZS12ZWN0b3Jz"


def plain(value: object) -> Any:
    """Return a value as JSON has it: bytes in hex, a struct as an object of its fields in their order."""
    match value:
        case bytes():
            return value.hex()
        case Struct():
            return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
        case list() | tuple():
            return [plain(one) for one in value]
        case dict():
            return {name: plain(one) for name, one in value.items()}
        case _:
            return value


def signing_vectors(_stored: Vector) -> Vector:
    """One signature for each purpose."""
    entries = []
    for purpose in Purpose:
        body = f"body of {purpose}".encode()
        nonce = seed("login nonce") if purpose is Purpose.LOGIN else b""
        device = NO_DEVICE if purpose is Purpose.STATEMENT else bytes(ALICE.device)
        entry = {"purpose": str(purpose), "server": SERVER, "device": device, "nonce": nonce, "body": body}
        entry["signed"] = signed_bytes(purpose, server=SERVER, device=device, body=body, nonce=nonce)
        entry["signature"] = sign(ALICE.key, purpose, server=SERVER, device=device, body=body, nonce=nonce)
        entries.append(entry)
    return {
        "about": "Ed25519 over `signed`; one key for all of them, to show that purposes keep them apart",
        "private_key": seed("alice ed25519"),
        "public_key": ALICE.ed25519,
        "server_key": SERVER_KEY,
        "server_key_digest": SERVER,
        "signatures": entries,
    }


def token_vectors(_stored: Vector) -> Vector:
    """Numbers to tokens, and the hashes that a server keeps of secrets."""
    return {
        "about": "the VOPRF key is DeriveKeyPair(seed, info = empty) of RFC 9497, mode VOPRF, ristretto255-SHA512",
        "seed": VOPRF_SEED,
        "public_key": tokens.public_key(VOPRF_SEED),
        "epoch": EPOCH,
        "lines": [
            {
                "number": person.e164,
                "input": tokens.voprf_input(person.number),
                "token": person.token,
                "salt": person.salt,
                "commitment": certificate.commitment(person.salt, person.number),
            }
            for person in (ALICE, BOB)
        ],
        "handle": HANDLE,
        "handle_hash": handle_hash(HANDLE),
        "grant": ALICE.grant,
        "grant_hash": grant_hash(ALICE.grant),
    }


def frame_vectors(_stored: Vector) -> Vector:
    """Each frame by itself, as a WebSocket message of one."""

    def entry(frame: Frame) -> Vector:
        return {"frame": type(frame).__name__, "fields": frame, "message": stream.write([frame])}

    unknown = msgspec.msgpack.encode([[99, "from", {"the": "future"}], CLIENT[3]])
    return {
        "about": "`message` is a whole WebSocket message: an array of frames",
        "from_client": [entry(frame) for frame in CLIENT],
        "from_server": [entry(frame) for frame in SERVER_FRAMES],
        "several": {"frames": ["Ack", "Collect"], "message": stream.write([CLIENT[3], CLIENT[7]])},
        "unknown_then_ack": {"about": "type 99 is answered with an error, the Ack counts", "message": unknown},
    }


def content_vectors(_stored: Vector) -> Vector:
    """Each kind of content, and one from a newer version."""
    entries = []
    for kind, body in BODIES:
        whole = example_content(kind, content.encode_body(body))
        entries.append({"kind": kind.name, "body": body, "fields": whole, "content": content.encode_content(whole)})
    newer = example_content(500, b"\xa5later")
    return {"contents": entries, "unknown_kind": {"fields": newer, "content": content.encode_content(newer)}}


def certificate_vectors(_stored: Vector) -> Vector:
    """Alice's sender certificate."""
    return {
        "private_key": seed("server certificate"),
        "certificate_key": CERTIFICATE_KEY.public_key().public_bytes_raw(),
        "server": SERVER,
        "fields": ALICE.certificate,
        "certificate": certificate.issue(ALICE.certificate, CERTIFICATE_KEY, server=SERVER),
    }


def key_vectors(_stored: Vector) -> Vector:
    """What Bob's device publishes."""
    device, key = BOB.device, BOB.key
    one_time = keys.sign_ratchet_key(
        key, Purpose.ONE_TIME_KEY, device=device, server=SERVER, key_id=5, public=seed("one-time public")
    )
    fallback = keys.sign_ratchet_key(
        key, Purpose.FALLBACK_KEY, device=device, server=SERVER, key_id=6, public=seed("fallback public")
    )
    sealing = keys.sign_envelope_key(
        key, device=device, server=SERVER, key_id=1, created=NOW, public=BOB.envelope_key.public_bytes()
    )
    return {
        "private_key": seed("bob ed25519"),
        "server": SERVER,
        "identity": keys.sign_identity(key, device=device, server=SERVER, curve25519=BOB.curve25519),
        "one_time": one_time,
        "fallback": fallback,
        "envelope_private_key": BOB.envelope_key.secret_bytes(),
        "envelope": sealing,
    }


def statement_vectors(_stored: Vector) -> Vector:
    """The server's statement."""
    document = statement.sign_statement(STATEMENT, LONG_TERM)
    return {
        "about": "`document` is the text of the answer",
        "private_key": seed("server long-term"),
        "pinned": SERVER,
        "document": document.decode(),
        "digest": statement.read_statement(document, pinned=SERVER)[1],
    }


def enrolled_set_vectors(_stored: Vector) -> Vector:
    """The enrolled set: places, shards, a change, the manifest."""
    shape = enrolled_set.Shape(universe_bits=40, shard_bits=1)
    lines = [Token(bytes([EPOCH]) + seed(f"line {number}")) for number in range(20)]
    before, after = enrolled_set.places(lines[:17], shape), enrolled_set.places(lines[3:], shape)
    shards = enrolled_set.encode_shards(after, epoch=EPOCH, shape=shape)
    change = enrolled_set.change_between(before, after)
    blob = enrolled_set.encode_change(change, epoch=EPOCH, universe_bits=shape.universe_bits)
    index = set_manifest.SetIndex(
        epoch=EPOCH,
        count=len(after),
        universe_bits=shape.universe_bits,
        shard_bits=shape.shard_bits,
        shards=[hashlib.sha256(shard).digest() for shard in shards],
        changes=[set_manifest.ChangeFrom(NOW // 14_400 * 14_400 - 14_400, hashlib.sha256(blob).digest())],
    )
    manifest = set_manifest.Manifest(version=1, built=NOW // 14_400 * 14_400, sets=[index])
    return {
        "about": "tokens 3 to 19 are in the set, 0 to 16 were in the build before; places are numbers; "
        "`manifest` is the text of the answer",
        "private_key": seed("server long-term"),
        "universe_bits": shape.universe_bits,
        "shard_bits": shape.shard_bits,
        "tokens": [{"token": token, "place": shape.place(token)} for token in lines],
        "shards": shards,
        "change": {"removed": list(change.removed), "added": list(change.added), "blob": blob},
        "manifest": set_manifest.sign_manifest(manifest, LONG_TERM).decode(),
    }


def consent_vectors(_stored: Vector) -> Vector:
    """Record, withdrawal and both receipts."""
    document = records.sign_record(RECORD, ALICE.key)
    withdrawal = records.Withdrawal(
        record_id=RECORD.record_id, server_key=SERVER, device=ALICE.device, timestamp="2026-10-01T08:00:00Z"
    )
    given = receipts.Receipt(
        event="given",
        record_id=RECORD.record_id,
        record_sha256=records.read_record(document).digest,
        server_key=SERVER,
        device=ALICE.device,
        policy_sha256=RECORD.policy.sha256,
        on="2026-09-21",
    )
    withdrawn = msgspec.structs.replace(
        given, event="withdrawn", on="2026-10-01", outlives=("keyed limiter record, at most 30 days",)
    )
    return {
        "about": "documents are JSON, with bytes in base64; `signed` is the RFC 8785 text that the signature is over",
        "record": {"document": document, "signed": records.canonical(RECORD).decode()},
        "withdrawal": {
            "document": records.sign_withdrawal(withdrawal, ALICE.key),
            "signed": records.canonical(withdrawal).decode(),
        },
        "receipt_key": RECEIPT_KEY.public_key().public_bytes_raw(),
        "receipt_given": {
            "document": receipts.sign_receipt(given, RECEIPT_KEY),
            "signed": records.canonical(given).decode(),
        },
        "receipt_withdrawn": {
            "document": receipts.sign_receipt(withdrawn, RECEIPT_KEY),
            "signed": records.canonical(withdrawn).decode(),
        },
    }


def request_vectors(_stored: Vector) -> Vector:
    """A signed request."""
    body = msgspec.json.encode(api.SetGrant(grant_hash(ALICE.grant)))
    request = requests.Request(method="POST", authority="chat.example", path=api.GRANT_PATH, body=body)
    headers = requests.sign_request(request, key=ALICE.key, device=ALICE.device, server=SERVER, nonce=NONCE)
    claim = requests.read_claim({name.lower(): value for name, value in headers.items()})
    return {
        "about": "`signature_base` is the text that the signature is over (RFC 9421, section 2.5)",
        "private_key": seed("alice ed25519"),
        "device": ALICE.device,
        "server": SERVER,
        "nonce": NONCE,
        "method": request.method,
        "authority": request.authority,
        "path": request.path,
        "body": body.decode(),
        "signature_base": requests.signature_base(claim, request).decode(),
        "headers": headers,
    }


def passphrase_vectors(_stored: Vector) -> Vector:
    """A sealed file, as cheap as one may be."""
    salt, nonce = seed("passphrase salt", passphrase.SALT_BYTES), seed("passphrase nonce", passphrase.NONCE_BYTES)
    plaintext = b"what a keyring holds"
    return {
        "about": "`passphrase` is text; `cost` is memory in KiB, passes, lanes",
        "passphrase": "correct horse battery staple",
        "cost": list(passphrase.CHEAPEST),
        "plaintext": plaintext,
        "sealed": passphrase.seal(
            plaintext, "correct horse battery staple", salt=salt, nonce=nonce, cost=passphrase.CHEAPEST
        ),
    }


def pin_vectors(_stored: Vector) -> Vector:
    """PINs, from their digits to what the server keeps, each under the key of its salt."""
    made = []
    for digits in ("4711", "00000000000000000000"):
        voprf_seed, salt = seed(f"pin key {digits}"), seed(f"pin salt {digits}", pin.SALT_BYTES)
        output = Evaluator(voprf_seed).evaluate_known_input(pin.pin_input(digits))
        proof = pin.prove(output, salt)
        made.append(
            {
                "pin": digits,
                "seed": voprf_seed,
                "key": tokens.public_key(voprf_seed),
                "salt": salt,
                "output": output,
                "proof": proof,
                "verifier": pin.verifier_of(proof),
            }
        )
    return {"about": "`pin` is text; `seed` is the server's, as in tokens.json", "pins": made}


def sealed_vectors(stored: Vector) -> Vector:
    """A sealed number and an envelope: only their opening can be repeated."""
    enrolment = seed("enrolment id", 16)
    number_info = api.number_info(enrolment, EPOCH, NONCE)
    number_plain = api.number_plaintext(ALICE.salt, ALICE.e164)

    def number() -> bytes:
        return SealPublicKey(REGISTRAR.public_bytes()).seal(number_plain, info=number_info)

    def number_opens(sealed: bytes) -> bool:
        return REGISTRAR.open(sealed, info=number_info) == number_plain

    address = envelope.Address(server=SERVER, token=BOB.token, device=BOB.device, key_id=1)
    wire = certificate.issue(ALICE.certificate, CERTIFICATE_KEY, server=SERVER)
    inner = envelope.Inner(0, seed("an olm pre-key message", 300), ALICE.token, ALICE.device, wire)

    def letter() -> bytes:
        return envelope.seal(inner, to=address, key=SealPublicKey(BOB.envelope_key.public_bytes()))

    def letter_opens(sealed: bytes) -> bool:
        return envelope.unseal(sealed, to=address, key=BOB.envelope_key) == inner

    return {
        "about": "HPKE: MLKEM768_X25519, HKDF-SHA256, ChaCha20-Poly1305, base mode; private = ML-KEM seed, X25519 key",
        "number": {
            "private_key": REGISTRAR.secret_bytes(),
            "public_key": REGISTRAR.public_bytes(),
            "info": number_info,
            "enrolment": enrolment,
            "epoch": EPOCH,
            "nonce": NONCE,
            "salt": ALICE.salt,
            "number": ALICE.e164,
            "plaintext": number_plain,
            "sealed": kept(stored.get("number", {}), number_opens, number),
        },
        "envelope": {
            "about": "`olm` stands in for the ratchet's message",
            "private_key": BOB.envelope_key.secret_bytes(),
            "public_key": BOB.envelope_key.public_bytes(),
            "info": address.info(),
            "key_id": address.key_id,
            "recipient_token": BOB.token,
            "recipient_device": BOB.device,
            "inner": inner,
            "sealed": kept(stored.get("envelope", {}), letter_opens, letter),
        },
    }


def kept(stored: Vector, opens: Callable[[bytes], bool], fresh: Callable[[], bytes]) -> bytes:
    """Return the stored sealed bytes if they open to what they should, else fresh ones."""
    try:
        sealed = bytes.fromhex(stored["sealed"])
        return sealed if opens(sealed) else fresh()
    except (KeyError, ValueError, SaysoError):
        return fresh()


FILES: Final[Mapping[str, Callable[[Vector], Vector]]] = {
    "certificate.json": certificate_vectors,
    "consent.json": consent_vectors,
    "content.json": content_vectors,
    "enrolled_set.json": enrolled_set_vectors,
    "frames.json": frame_vectors,
    "keys.json": key_vectors,
    "passphrase.json": passphrase_vectors,
    "pin.json": pin_vectors,
    "requests.json": request_vectors,
    "sealed.json": sealed_vectors,
    "signing.json": signing_vectors,
    "statement.json": statement_vectors,
    "tokens.json": token_vectors,
}


def pages(root: Path = ROOT) -> Mapping[str, str]:
    """Path below the repository to text, for every file of vectors."""
    made = {}
    for name, make in FILES.items():
        path = root / FOLDER / name
        stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        made[f"{FOLDER}/{name}"] = json.dumps(plain(make(stored)), indent=2, ensure_ascii=True) + "\n"
    return made


def main(arguments: list[str]) -> int:
    """Write the files, or with ``--check`` name those that differ."""
    parser = argparse.ArgumentParser(prog="python -m scripts.make_vectors", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1 when a file is out of date")
    check = parser.parse_args(arguments).check
    stale = [
        (ROOT / name, text)
        for name, text in pages().items()
        if not (ROOT / name).exists() or (ROOT / name).read_text(encoding="utf-8") != text
    ]
    for path, text in stale:
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        print(f"{'out of date' if check else 'written'}: {path.relative_to(ROOT)}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
