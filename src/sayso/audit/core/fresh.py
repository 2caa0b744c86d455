"""Fresh seeds: checksummed, of ranges that belong to nobody, and far enough from each other to tell them apart."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from random import Random

from sayso.audit.core.seed_types import Seed, SeedType, check, coordinates, digits, luhn_digit
from sayso.audit.errors import SeedError

WORDS = (
    *(
        "amber",
        "badger",
        "cinder",
        "dahlia",
        "ember",
        "falcon",
        "garnet",
        "hazel",
        "indigo",
        "juniper",
        "kestrel",
        "larch",
    ),
    *(
        "marble",
        "nettle",
        "osprey",
        "pewter",
        "quartz",
        "raven",
        "saffron",
        "thistle",
        "umber",
        "violet",
        "walnut",
        "yarrow",
    ),
)
FIRST = (
    "Aurelia",
    "Benedikt",
    "Cordelia",
    "Dagobert",
    "Eleonora",
    "Florentin",
    "Guinevere",
    "Hyacinth",
    "Isidora",
    "Jolanthe",
)
LAST = ("Quillfeather", "Ravensworth", "Thistlewood", "Umberfield", "Wyndgarden", "Yarrowby", "Zephyrine", "Larkspurr")
# TAC 00 1017: a test IMEI of the GSM Association's range for test equipment; MCC 001 MNC 01: the test network.
_TEST_TAC = "00101700"
_TEST_NETWORK = "00101"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ATTEMPTS = 1000

Maker = Callable[[], str]


def _number(rng: Random, taken: set[str], region: str) -> str:
    """A number of the ranges kept for fiction: GB +44 7700 900000 to 900999, US +1 202 555 0100 to 0199."""
    if region == "US":
        return _unused(taken, lambda: f"+120255501{rng.randrange(100):02}")
    return _unused(taken, lambda: f"+447700900{rng.randrange(1000):03}")


def _unused(taken: set[str], make: Maker) -> str:
    for _ in range(_ATTEMPTS):
        value = make()
        if value not in taken:
            taken.add(value)
            return value
    raise SeedError("no unused value is left; ask for fewer")


def _digits(rng: Random, count: int) -> str:
    return "".join(str(rng.randrange(10)) for _ in range(count))


def _imei(rng: Random) -> str:
    body = _TEST_TAC + _digits(rng, 6)
    return body + luhn_digit(body)


def _iccid(rng: Random) -> str:
    body = "8999" + _digits(rng, 14)
    return body + luhn_digit(body)


def _uuid(rng: Random) -> str:
    raw = bytearray(rng.randbytes(16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _mac(rng: Random) -> str:
    raw = bytearray(rng.randbytes(6))
    raw[0] = raw[0] & 0xFC | 0x02  # locally administered, unicast: no maker's
    return ":".join(f"{byte:02x}" for byte in raw)


def _word(rng: Random, length: int = 6) -> str:
    return "".join(rng.choice(_LETTERS) for _ in range(length))


def _coordinates(rng: Random) -> str:
    # The southern Pacific: nobody's home, and no test of a map service.
    return f"{rng.uniform(-58, -32):.6f},{rng.uniform(-150, -95):.6f}"


def _value(kind: SeedType, rng: Random, taken: set[str], region: str) -> str:
    makers: dict[SeedType, Maker] = {
        SeedType.IMEI: lambda: _imei(rng),
        SeedType.IMSI: lambda: _TEST_NETWORK + _digits(rng, 10),
        SeedType.ICCID: lambda: _iccid(rng),
        SeedType.CONTACT_NAME: lambda: f"{rng.choice(FIRST)} {_word(rng).title()} {rng.choice(LAST)}",
        SeedType.SMS_TEXT: lambda: " ".join(
            (rng.choice(WORDS), "meets", _word(rng, 7), "near the", rng.choice(WORDS), _word(rng))
        ),
        SeedType.EMAIL: lambda: f"{rng.choice(WORDS)}.{_word(rng)}{rng.randrange(1000)}@example.org",
        SeedType.ANDROID_ID: lambda: rng.randbytes(8).hex(),
        SeedType.MAC: lambda: _mac(rng),
        SeedType.ADVERTISING_ID: lambda: _uuid(rng),
        SeedType.SSID: lambda: f"{rng.choice(WORDS).title()}-{_word(rng)}-{rng.randrange(100)}",
        SeedType.COORDINATES: lambda: _coordinates(rng),
        SeedType.FREE: lambda: f"{_word(rng, 8)}{rng.randrange(10_000):04}",
    }
    if kind in {SeedType.MSISDN, SeedType.CONTACT_NUMBER}:
        return _number(rng, taken, region)
    return _unused(taken, makers[kind])


def new_set(rng: Random, *, region: str = "GB", decoys: int = 1) -> tuple[tuple[Seed, ...], tuple[Seed, ...]]:
    """Make one seed of each type (two numbers of contacts, in and out), and `decoys` decoys of each."""
    taken: set[str] = set()
    kinds = [*SeedType, SeedType.CONTACT_NUMBER]
    seeds = []
    for number, kind in enumerate(kinds):
        name = kind.value if kind not in kinds[:number] else f"{kind.value}_2"
        seeds.append(check(Seed(name, kind, _value(kind, rng, taken, region), region)))
    return tuple(seeds), decoys_for(seeds, rng, each=decoys, taken=taken)


def decoys_for(seeds: Sequence[Seed], rng: Random, *, each: int, taken: Iterable[str] = ()) -> tuple[Seed, ...]:
    """Make `each` decoys for every seed: values of the same shape that are on no phone.

    A decoy keeps the shape (length, kind of sign at each place), so that it is as likely to be met by chance.
    """
    used = {seed.value for seed in seeds} | set(taken)
    made = []
    for seed in seeds:
        for number in range(each):
            value = _unused(used, partial(_shaped, seed, rng))
            made.append(check(Seed(f"decoy-{number + 1}-{seed.id}"[:80], seed.type, value, seed.region, decoy=True)))
    return tuple(made)


def _shaped(seed: Seed, rng: Random) -> str:  # noqa: PLR0911  one for each kind of checksum
    match seed.type:
        case SeedType.COORDINATES:
            latitude, _ = coordinates(_coordinates(rng))
            return f"{latitude},{rng.uniform(-150, -95):.6f}"
        case SeedType.IMEI:
            body = seed.value[:8] + _digits(rng, 6)
            return (body + luhn_digit(body) + "0")[: len(seed.value)]
        case SeedType.ICCID:
            body = seed.value[:4] + _digits(rng, len(seed.value) - 5)
            return body + luhn_digit(body)
        case SeedType.IMSI:
            return seed.value[:5] + _digits(rng, len(seed.value) - 5)
        case SeedType.MSISDN | SeedType.CONTACT_NUMBER:
            keep = max(len(seed.value) - 7, 3)
            return seed.value[:keep] + _digits(rng, len(digits(seed.value[keep:])))
        case SeedType.EMAIL:
            local, _, domain = seed.value.partition("@")
            return f"{_like(local, rng)}@{domain}"
        case _:
            return _like(seed.value, rng)


def _like(text: str, rng: Random) -> str:
    """Another text whose signs are of the same kinds in the same places."""
    hexadecimal = all(sign in "0123456789abcdefABCDEF:-" for sign in text)
    signs = []
    for sign in text:
        if hexadecimal and sign not in ":-":
            one = rng.choice("0123456789abcdef")
        elif sign.isdigit():
            one = str(rng.randrange(10))
        elif sign.isalpha():
            one = rng.choice(_LETTERS)
        else:
            one = sign
        signs.append(one.upper() if sign.isupper() else one)
    return "".join(signs)
