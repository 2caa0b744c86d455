"""Forms of numbers."""

import pytest

from sayso.audit.core.forms import Edge, Form, expand
from sayso.audit.core.forms.numbers import phone
from sayso.audit.core.seed_types import Seed, SeedType
from sayso.audit.errors import SeedError
from tests.fakes.audit_world import SEEDS


def forms(kind: SeedType) -> tuple[Form, ...]:
    return expand(next(one for one in SEEDS if one.type is kind))


@pytest.mark.parametrize(
    ("kind", "name", "data"),
    [
        (SeedType.MSISDN, "e164", b"+447700900123"),
        (SeedType.MSISDN, "no-plus", b"447700900123"),
        (SeedType.MSISDN, "double-zero", b"00447700900123"),
        (SeedType.MSISDN, "national", b"07700900123"),
        (SeedType.MSISDN, "nsn", b"7700900123"),
        (SeedType.MSISDN, "national.formatted", b"07700 900123"),
        (SeedType.MSISDN, "international.formatted", b"+44 7700 900123"),
        (SeedType.MSISDN, "rfc3966", b"tel:+44-7700-900123"),
        (SeedType.MSISDN, "last-7", b"0900123"),
        (SeedType.MSISDN, "bcd.swapped", bytes.fromhex("447700091032")),
        (SeedType.MSISDN, "int64le", (447700900123).to_bytes(8, "little")),
        (SeedType.MSISDN, "reversed", b"321009007744+"),
        (SeedType.MSISDN, "utf-16le", "07700900123".encode("utf-16-le")),
        (SeedType.IMEI, "plain", b"490154203237518"),
        (SeedType.IMEI, "14-digit", b"49015420323751"),
        (SeedType.IMEI, "dashed", b"49-015420-323751-8"),
        (SeedType.IMEI, "bcd", bytes.fromhex("490154203237518f")),
        (SeedType.IMEI, "int64be", (490154203237518).to_bytes(8)),
        (SeedType.IMEI, "digits", bytes([4, 9, 0, 1, 5, 4, 2, 0, 3, 2, 3, 7, 5, 1, 8])),
        (SeedType.IMSI, "dashed", b"001-01-0123456789"),
        (SeedType.IMSI, "msin", b"0123456789"),
        # EF_IMSI of the SIM: the odd mark and the type beside the first digit (3GPP TS 31.102, 4.2.2).
        (SeedType.IMSI, "bcd.swapped", bytes.fromhex("0910101032547698")),
        (SeedType.ICCID, "no-check-digit", b"894450010219830482"),
        (SeedType.ICCID, "bcd.swapped", bytes.fromhex("984405102091384028f6")),
    ],
)
def test_how_it_is_written(kind: SeedType, name: str, data: bytes) -> None:
    assert data in {form.data for form in forms(kind) if form.name == name}


def test_a_national_number_needs_its_region() -> None:
    given = Seed("n", SeedType.MSISDN, "07700 900123", "GB")
    assert b"+447700900123" in {form.data for form in phone(given)}
    with pytest.raises(SeedError, match="region"):
        list(phone(Seed("n", SeedType.MSISDN, "07700 900123")))


def test_a_16_digit_imei_is_known_by_14() -> None:
    assert next(form.edge for form in forms(SeedType.IMEI) if form.name == "16-digit") is Edge.SV


def test_digits_never_match_within_longer_ones() -> None:
    plain = [
        form
        for kind in (SeedType.IMEI, SeedType.MSISDN)
        for form in forms(kind)
        if form.data.isdigit() and not form.binary
    ]
    assert all(form.edge in {Edge.DIGIT, Edge.SV, Edge.HEX} for form in plain)
