"""Bodies of the control plane, every decoder: only Refused, with the problem `malformed`; and sealed numbers."""

import contextlib

import msgspec

from sayso.protocol import api
from sayso.protocol.api import ProblemType
from sayso.protocol.errors import NumberError
from sayso.protocol.keys import DeviceKeys, EnvelopeKey, RatchetKey
from sayso.protocol.numbers import PhoneNumber
from sayso.server.adapters.control import bodies
from sayso.server.adapters.control.bodies import Body
from sayso.server.errors import Refused

_BODIES: list[Body[msgspec.Struct]] = [value for value in vars(bodies).values() if isinstance(value, Body)]


def fuzz_one(data: bytes) -> None:
    for body in _BODIES:
        try:
            body.read(data)
        except Refused as refused:
            if refused.problem is not ProblemType.MALFORMED:
                raise
    # What a device may have sealed in place of a number is checked after the answer was given: it must not break.
    _, text = api.read_number_plaintext(data)
    with contextlib.suppress(NumberError):
        PhoneNumber(text)


def seeds() -> list[bytes]:
    ratchet = RatchetKey(1, b"k" * 32, b"s" * 64)
    structs = [
        api.Enrol(
            b"i" * 16,
            {"record": {"kind": "messaging"}, "signature": ""},
            DeviceKeys(b"d" * 16, b"e" * 32, b"c" * 32, b"s" * 64),
            5,
            1,
            bytes(api.SEALED_NUMBER_BYTES),
        ),
        api.Confirm(b"i" * 16, "012345"),
        api.TryPin(b"i" * 16, "012345", b"e" * 32),
        api.EvaluatePin(b"e" * 32, fresh=True),
        api.SetPin(b"p" * 32),
        api.SetPin(None),
        api.RefuseNewcomer(b"i" * 16, "012345"),
        api.DelayNewcomer(b"p" * 32),
        api.MoveEpoch(5, 1, bytes(api.SEALED_NUMBER_BYTES)),
        api.AgreeAnew({"record": {"kind": "messaging"}, "signature": ""}),
        api.PublishKeys([ratchet, ratchet], ratchet, EnvelopeKey(1, 2, bytes(1216), b"s" * 64)),
        api.Claim(b"r" * 16, [api.ClaimLine(b"t" * 33), api.ClaimLine(b"u" * 33, b"g" * 32)]),
        api.Evaluate(5, [b"e" * 32, b"f" * 32]),
        api.SetGrant(b"g" * 32),
        api.WithdrawConsent({"withdrawal": {}, "signature": ""}),
        api.Empty(),
    ]
    return [msgspec.json.encode(struct) for struct in structs] + [api.number_plaintext(b"s" * 32, "+447700900001")]
