"""3GPP TS 23.038: alphabets, national tables, and how many parts a text takes."""

# ruff: noqa: RUF001  the Turkish letter is meant

from bisect import bisect_left
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.carrier.core.segments import count_parts
from sayso.carrier.errors import BadValueError
from sayso.phone.core.sms.alphabet import MAX_PARTS, NATIONAL, Tables, fits_sms, reread, segments, sms_parts
from sayso.phone.errors import SmsFormatError

TURKISH, SPANISH, PORTUGUESE, HINDI = 1, 2, 3, 6

# 3GPP TS 23.038 §6.2.1, row by row, written down from the standard and not from the library.
BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION: Final = {0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|"}

# Annex A: places where a national table differs from the default one.
LOCKING: Final = {
    TURKISH: {0x04: "€", 0x07: "ı", 0x0B: "Ğ", 0x0C: "ğ", 0x1C: "Ş", 0x1D: "ş", 0x40: "İ", 0x60: "ç"},
    PORTUGUESE: {0x04: "ê", 0x09: "ç", 0x0B: "Ô", 0x0C: "ô", 0x0E: "Á", 0x0F: "á", 0x5B: "Ã", 0x7B: "ã", 0x7C: "õ"},
}
SINGLE: Final = {
    TURKISH: {0x47: "Ğ", 0x49: "İ", 0x53: "Ş", 0x63: "ç", 0x65: "€", 0x67: "ğ", 0x69: "ı", 0x73: "ş"},
    SPANISH: {0x09: "ç", 0x41: "Á", 0x49: "Í", 0x4F: "Ó", 0x55: "Ú", 0x61: "á", 0x69: "í", 0x6F: "ó", 0x75: "ú"},
    PORTUGUESE: {0x05: "ê", 0x09: "ç", 0x0B: "Ô", 0x41: "À", 0x5B: "Ã", 0x61: "Â", 0x7B: "ã", 0x7C: "õ", 0x7F: "â"},
}


def test_the_librarys_default_tables_are_the_standards() -> None:
    for code, sign in enumerate(BASIC):
        if sign != "\x1b":
            assert bytes([code]).decode("gsm23.038-0-0") == sign
            assert sign.encode("gsm23.038-0-0") == bytes([code])
    for code, sign in (EXTENSION | {0x65: "€"}).items():
        assert sign.encode("gsm23.038-0-0") == bytes([0x1B, code])


@pytest.mark.parametrize("language", LOCKING)
def test_the_librarys_locking_tables_are_the_standards(language: int) -> None:
    for code, sign in LOCKING[language].items():
        assert bytes([code]).decode(f"gsm23.038-{language}-0") == sign


@pytest.mark.parametrize("language", SINGLE)
def test_the_librarys_single_shift_tables_are_the_standards(language: int) -> None:
    for code, sign in SINGLE[language].items():
        assert bytes([0x1B, code]).decode(f"gsm23.038-0-{language}") == sign


@pytest.mark.parametrize("language", NATIONAL)
def test_every_language_has_a_table_that_goes_both_ways(language: int) -> None:
    for codec in (f"gsm23.038-0-{language}", f"gsm23.038-{language}-{language}"):
        for code in range(128):
            try:
                sign = bytes([0x1B, code]).decode(codec)
            except UnicodeDecodeError:
                continue
            assert sign.encode(codec).decode(codec) == sign


@pytest.mark.parametrize(
    ("text", "alphabet", "parts", "units", "left"),
    [
        ("", "gsm-7", 1, 0, 160),
        ("x" * 160, "gsm-7", 1, 160, 0),
        ("x" * 161, "gsm-7", 2, 161, 145),
        ("x" * 306, "gsm-7", 2, 306, 0),
        ("x" * 307, "gsm-7", 3, 307, 152),
        ("€" * 80, "gsm-7", 1, 160, 0),
        ("€" * 81, "gsm-7", 2, 162, 143),  # 76 pairs fit into 153: one septet of the first part stays empty
        ("ж" * 70, "ucs-2", 1, 70, 0),
        ("ж" * 71, "ucs-2", 2, 71, 63),
        ("\U0001f600" * 35, "ucs-2", 1, 70, 0),
        ("\U0001f600" * 36, "ucs-2", 2, 72, 61),  # 33 pairs fit into 67
        ("x" * 153 * 255, "gsm-7", 255, 39_015, 0),
        ("ж" * 67 * 255, "ucs-2", 255, 17_085, 0),
    ],
)
def test_parts(text: str, alphabet: str, parts: int, units: int, left: int) -> None:
    found = segments(text)
    assert (found.alphabet, found.parts, found.units, found.left) == (alphabet, parts, units, left)


@pytest.mark.parametrize(
    ("text", "language", "tables", "parts", "left"),
    [
        ("ışık", TURKISH, Tables(0, 1), 1, 155 - 7),
        ("ş" * 155, TURKISH, Tables(1, 0), 1, 0),  # twice as much by the locking table
        ("á" * 77, SPANISH, Tables(0, 2), 1, 1),
        ("x" * 160 + "á", SPANISH, Tables(0, 2), 2, 149 - 13),
        ("ж", TURKISH, Tables(), 1, 69),
    ],
)
def test_national_tables(text: str, language: int, tables: Tables, parts: int, left: int) -> None:
    found = segments(text, languages=[language])
    assert (found.tables, found.parts, found.left) == (tables, parts, left)


def test_a_modem_without_national_tables_uses_16_bits() -> None:
    assert segments("ışık").alphabet == "ucs-2"


@pytest.mark.parametrize("text", ["x" * 39_016, "ж" * 17_086, "\ud800", "a\udfff"])
def test_what_is_no_sms(text: str) -> None:
    with pytest.raises(SmsFormatError):
        segments(text)


@pytest.mark.parametrize("language", [0, 14, -1])
def test_no_such_language(language: int) -> None:
    with pytest.raises(SmsFormatError):
        segments("x", languages=[language])


@given(st.text(st.sampled_from("abc€{ж\U0001f600 \n"), max_size=700))
def test_it_counts_as_the_simulated_carrier_does(text: str) -> None:
    """Two implementations, the carrier's with tables of its own, agree."""
    assert segments(text).parts == count_parts(text)


@given(st.text(max_size=400), st.lists(st.sampled_from(list(NATIONAL)), max_size=2))
def test_tables_never_make_it_longer(text: str, languages: list[int]) -> None:
    try:
        without = segments(text)
    except SmsFormatError:
        with pytest.raises((SmsFormatError, BadValueError)):
            count_parts(text)
        return
    found = segments(text, languages=languages)
    assert 1 <= found.parts <= without.parts <= MAX_PARTS


@pytest.mark.parametrize(
    ("default", "tables", "meant"),
    [
        ("\u00b9i\u00b9s\u00b9G ok", Tables(0, 1), "ışĞ ok"),
        ("ì\nà", Tables(1, 0), "ı\nà"),
        ("plain", Tables(0, 2), "plain"),
        ("ж was never septets", Tables(0, 1), "ж was never septets"),
    ],
)
def test_reading_again_by_national_tables(default: str, tables: Tables, meant: str) -> None:
    assert reread(default, tables) == meant


@pytest.mark.parametrize("sign", ["x", "€", "Ж", "🙂", "🙂Ж"])
def test_what_fits_is_what_has_255_parts_at_most(sign: str) -> None:
    """At both ends of where the length alone tells, and at the end of what fits."""
    most = bisect_left(range(1, 40_000), True, key=lambda count: not _has_parts(sign * count))
    for count in (1, most):
        assert fits_sms(sign * count)
        assert sms_parts(sign * count) == segments(sign * count).parts
    assert sms_parts(sign * most) == MAX_PARTS
    assert not fits_sms(sign * (most + 1))
    assert sms_parts(sign * (most + 1)) is None


def _has_parts(text: str) -> bool:
    try:
        return segments(text).parts <= MAX_PARTS
    except SmsFormatError:
        return False
