"""Forms of names and texts."""

import pytest

from sayso.audit.core.forms import expand
from sayso.audit.core.seed_types import Seed, SeedType, check
from tests.fakes.audit_world import SEEDS


def spelled(seed: Seed, name: str) -> set[bytes]:
    return {form.data for form in expand(seed) if form.name == name}


@pytest.mark.parametrize(
    ("kind", "name", "data"),
    [
        (SeedType.EMAIL, "upper", b"HERON.VEXMOOR81@EXAMPLE.ORG"),
        (SeedType.EMAIL, "local-part", b"heron.vexmoor81"),
        (SeedType.CONTACT_NAME, "turned", b"Quillfeather, Cordelia Vexmoor"),
        (SeedType.CONTACT_NAME, "plus", b"Cordelia+Vexmoor+Quillfeather"),
        (SeedType.SMS_TEXT, "joined", b"theheronwaitsbesidepewterbridgeatdusk"),
        (SeedType.SMS_TEXT, "beginning", b"the heron waits be"),
        (SeedType.SSID, "quoted", b'"Pewter-Bridge-58"'),
        (SeedType.FREE, "reversed", b"0385wkrthvzq"),
    ],
)
def test_how_it_is_written(kind: SeedType, name: str, data: bytes) -> None:
    assert data in spelled(next(one for one in SEEDS if one.type is kind), name)


def test_seven_bits_of_the_standards_example() -> None:
    # "hellohello" packed, as every tutorial of 3GPP TS 23.038 has it; the last byte is not full and left out.
    assert spelled(Seed("s", SeedType.SMS_TEXT, "hellohello"), "gsm-7") == {bytes.fromhex("e8329bfd4697d9ec")}


def test_gmail_knows_neither_dots_nor_tags() -> None:
    forms = spelled(Seed("e", SeedType.EMAIL, "He.Ron+shop@gmail.com"), "gmail")
    assert forms == {b"heron@gmail.com", b"heron@googlemail.com"}


def test_other_signs_than_ascii_in_both_normal_forms() -> None:
    data = {form.data for form in expand(Seed("n", SeedType.CONTACT_NAME, "Zoë Müller"))}
    assert {"Zoë Müller".encode(), "Zoe\u0308 Mu\u0308ller".encode(), "Zoë Müller".encode("latin-1")} <= data


def test_free_values_that_are_numbers_or_bytes() -> None:
    assert (1234567890123).to_bytes(8) in spelled(check(Seed("f", SeedType.FREE, "1234567890123")), "int64be")
    assert spelled(check(Seed("f", SeedType.FREE, "ab-cd-ef-01-23-45")), "bytes") == {bytes.fromhex("abcdef012345")}
