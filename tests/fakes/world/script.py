"""Scripts: lists of steps, each of which can be taken in any state, so that a script can be replayed and shortened."""

from random import Random
from typing import Final

Step = tuple[str, int, int, int]
"""Name, and three numbers that the step makes of what it can."""

WEIGHTS: Final = {
    "send": 20,
    "wait": 20,
    "opt_in": 6,
    "opt_out": 2,
    "crash": 3,
    "dies": 5,
    "boot": 4,
    "stall": 6,
    "flow": 5,
    "cut": 4,
    "server_stop": 2,
    "server_start": 4,
    "server_crash": 3,
    "data_off": 4,
    "data_on": 5,
    "coverage_off": 2,
    "coverage_on": 3,
    "carrier_holds": 3,
    "carrier_delivers": 4,
    "carrier_shuffles": 3,
    "carrier_repeats": 2,
    "carrier_loses": 1,
    "carrier_clock": 1,
    "eject": 2,
    "insert": 4,
    "other_sim": 2,
    "lock": 1,
    "modem_gone": 2,
    "modem_back": 4,
    "modem_full": 2,
    "modem_has_room": 2,
    "confirm": 1,
    "lapse": 1,
    "policy": 6,
    "push": 4,
    "push_in_doubt": 7,
    "cancel": 4,
    "open": 2,
    "receipts": 1,
    "refuses": 6,
    "expires": 1,
    "clock_set": 2,
    "forgets_keys": 2,
    "long_text": 1,
    "short_code": 1,
    "contact": 1,
    "imports": 2,
    "publish": 3,
    "other_statement": 1,
    "mangles": 3,
    "epoch": 1,
    "two_faces": 4,
    "modem_forgets": 2,
    "loses_cache": 1,
    "strange_sms": 10,
    "strange_content": 1,
    "wrong_certificate": 1,
    "comes_back": 3,
    "composes": 2,
    "pin": 5,
    "newcomer": 1,
}


def script_of(seed: int, length: int) -> list[Step]:
    """Draw a script; the first steps switch most lines on, so that there is something to break."""
    random = Random(seed)
    names, weights = list(WEIGHTS), list(WEIGHTS.values())
    # Two of the four modems are looked at now and then only: until then the registrar's code lies there.
    start: list[Step] = [("opt_in", line, random.randrange(1000), 0) for line in range(4) if random.random() < 0.85]
    start += [("wait", 0, 5, 0)]
    start += [("policy", line, random.randrange(1000), 1) for line in range(4)]
    drawn = random.choices(names, weights, k=max(0, length - len(start)))
    return start + [(name, random.randrange(1000), random.randrange(1000), random.randrange(1000)) for name in drawn]
