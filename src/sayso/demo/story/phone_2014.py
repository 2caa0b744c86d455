"""SYNTHETIC: a phone that does what was documented of one in August 2014. No code of any maker is in here.

Packed as the first release of the story, as `sayso/__main__.py`; the standard library is all that it needs. What it
sends, and where each part is documented, stands in docs/explanation/august-2014.md.

    python -m sayso doctor                     the health check of every release
    python -m sayso live IDENTITY MARKS        live through the steps of the test, as `IDENTITY` (JSON) says who it is;
                                               when each step began is written to MARKS
"""

import base64
import contextlib
import hashlib
import json
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

CLOUD = "http://api.account.xiaomi.com"
PAUSE_S = 0.2


def hashed(value: str) -> str:
    """Return the short digest that the phone used in paths: URL-safe base64 of SHA-1, cut to 16 characters."""
    return base64.urlsafe_b64encode(hashlib.sha1(value.encode(), usedforsecurity=False).digest())[:16].decode()


def ask(path: str, *, imei: str, form: dict[str, str] | None = None) -> None:
    """Send one request, with the IMEI in its cookie as ever; whatever the answer is."""
    body = None if form is None else urllib.parse.urlencode(form).encode()
    request = urllib.request.Request(CLOUD + path, data=body, headers={"Cookie": f"deviceId={imei}"})  # noqa: S310  http on purpose
    with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310  the same
        answer.read()


def live(me: dict[str, str], marks: Path) -> None:
    """Live through the steps."""
    imei, imsi = me["imei"], me["imsi"]

    def step(name: str) -> None:
        time.sleep(PAUSE_S)
        with marks.open("a") as file:
            file.write(f"{time.time():.3f} {name}\n")

    def is_online(number: str) -> None:
        """Ask whether somebody is in the cloud: for a look at a contact, for each text, for each call."""
        ask(f"/pass/user@id?type=MXPH&externalId={number}", imei=imei)

    step("SIM in")
    step("network on")
    ask("/pass/v3/user@id?type=MXPH&externalId=" + me["national"], imei=imei)
    ask("/pass/activate/dev/" + hashed(imei) + "/activating?imsi=" + hashed(imsi), imei=imei)
    ask("/pass/v3/operator", imei=imei, form={"operator": me["carrier"], "phone": me["national"]})
    step("contact added and looked at")
    is_online(me["contact"])
    step("text sent and received")
    is_online(me["contact"])
    is_online(me["contact"])
    step("call")
    is_online(me["contact"])
    step("cloud login")
    ask("/pass/v3/login", imei=imei, form={"imsi": imsi, "imei": imei, "phone": me["national"]})


def main() -> None:
    """Do as told."""
    match sys.argv[1:]:
        case ["doctor"]:
            return
        case ["live", identity, marks]:
            live(json.loads(Path(identity).read_text(encoding="utf-8")), Path(marks))
        case _:
            raise ValueError("doctor, or live IDENTITY MARKS")


if __name__ == "__main__":
    main()
