"""The traffic that was documented in August 2014, synthetic: what a phone of the time sent while nobody had opted in.

Written from the descriptions of F-Secure's test and of the code of the time: a contact's number in plain in
`externalId`, the IMEI in a cookie, and base64url(SHA-1(x))[:16] of IMEI and IMSI in the path of the activation query,
all by HTTP to one host. After the update, with the cloud on: the same facts in base64, by HTTPS.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

from sayso.audit.core.seed_types import Seed, SeedType, check
from tests.fakes.audit_captures import START, Call

HOST = "http://api.account.xiaomi.com"
IMEI = check(Seed("imei", SeedType.IMEI, "490154203237518"))
IMSI = check(Seed("imsi", SeedType.IMSI, "001014829360571"))
OWN = check(Seed("own-number", SeedType.MSISDN, "+447700900123", "GB"))
CONTACT = check(Seed("contact", SeedType.CONTACT_NUMBER, "+447700900456", "GB"))
CORRESPONDENT = check(Seed("correspondent", SeedType.CONTACT_NUMBER, "+447700900789", "GB"))
SEEDS = (IMEI, IMSI, OWN, CONTACT, CORRESPONDENT)
STEPS = ("SIM in", "Wi-Fi on", "contact added", "SMS sent", "SMS received", "cloud login", "after update")


def hashed(value: str) -> str:
    """As the phone's code hid a device id: 16 signs of base64url of its SHA-1."""
    return base64.urlsafe_b64encode(hashlib.sha1(value.encode(), usedforsecurity=False).digest()).decode()[:16]


def _national(seed: Seed) -> str:
    """In the national form, without the country: as the screenshots show it."""
    return "0" + seed.value.removeprefix("+44")


@dataclass(frozen=True)
class Step:
    """One step of the test, and what the phone sent at it."""

    name: str
    calls: tuple[Call, ...]


def _lookup(number: str) -> Call:
    url = f"{HOST}/pass/v3/user@id?type=MXPH&externalId={number}"
    return Call(url=url, method="GET", headers=(("Cookie", f"deviceId={IMEI.value}"),), answer=b'{"code":0}')


def before() -> Iterator[Step]:
    """Without an account, and then with one."""
    activation = f"{HOST}/pass/activate/dev/{hashed(IMEI.value)}/activating?imsi={hashed(IMSI.value)}"
    yield Step("SIM in", ())
    yield Step("Wi-Fi on", (Call(url=activation, method="GET"), _lookup(_national(OWN))))
    yield Step("contact added", (_lookup(_national(CONTACT)),))
    yield Step("SMS sent", (_lookup(_national(CORRESPONDENT)),))
    yield Step("SMS received", (_lookup(_national(CORRESPONDENT)),))
    login = json.dumps({"imsi": IMSI.value, "phone": _national(OWN)}).encode()
    yield Step("cloud login", (Call(url=f"{HOST}/pass/v2/safe/login", body=login),))


def after() -> Iterator[Step]:
    """After the update and a reset: silence until the cloud is turned on, then base64 by HTTPS."""
    for name in STEPS[:5]:
        yield Step(name, ())
    packed = base64.b64encode(json.dumps({"imsi": IMSI.value, "phone": _national(OWN)}).encode())
    yield Step("cloud login", (Call(url="https://api.account.xiaomi.com/pass/v3", body=b"d=" + packed),))


def calls(steps: Iterator[Step]) -> Iterator[Call]:
    """All calls, a minute for each step."""
    for minute, step in enumerate(steps):
        for second, call in enumerate(step.calls):
            yield replace(call, time=START + 60.0 * minute + second)


def phases(steps: Iterator[Step]) -> str:
    """The phase file."""
    return "".join(f"{START + 60.0 * minute - 1:.0f} {step.name}\n" for minute, step in enumerate(steps))
