"""User data headers, honest and lying."""

import pytest

from sayso.phone.core.sms.alphabet import Tables
from sayso.phone.core.sms.header import Header, PartOf, read_header
from sayso.phone.errors import SmsFormatError


@pytest.mark.parametrize(
    ("data", "header"),
    [
        ("", Header()),
        ("00", Header()),
        ("050003d40201", Header(part=PartOf(0xD4, wide=False, total=2, number=1))),
        ("060804abcd0302", Header(part=PartOf(0xABCD, wide=True, total=3, number=2))),
        ("0500 03 01 ff ff", Header(part=PartOf(1, wide=False, total=255, number=255))),
        ("0605040b8423f0", Header(port=2948)),
        ("0404020b84", Header(port=11)),
        ("03240101", Header(tables=Tables(0, 1))),
        ("06250103240102", Header(tables=Tables(3, 2))),
        ("03 24 01 0e", Header()),  # no such language
        ("03 24 01 00", Header()),
        ("04 70 02 00 00", Header()),  # an element of somebody else's
        ("0a0003d40201 0003d50301", Header(part=PartOf(0xD5, wide=False, total=3, number=1))),  # the last one counts
    ],
)
def test_headers(data: str, header: Header) -> None:
    assert read_header(bytes.fromhex(data)) == header


@pytest.mark.parametrize("counts", ["0001", "0100", "0203"])
def test_an_impossible_part_stands_for_itself(counts: str) -> None:
    assert read_header(bytes.fromhex("050003d4" + counts)).part is None


@pytest.mark.parametrize(
    "data",
    [
        "05",  # a length, and nothing
        "060003d40201",  # longer than it is
        "040003d40201",  # shorter than it is
        "0500ffd40201",  # an element longer than the header
        "0500",
        "0100",  # an element without a length
        "040002d402",  # a part element that is too short
        "060004d4020100",  # one that is too long
        "0424020101",
        "ff" * 140,
    ],
)
def test_lying_lengths(data: str) -> None:
    with pytest.raises(SmsFormatError):
        read_header(bytes.fromhex(data))
