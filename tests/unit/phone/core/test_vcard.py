"""vCard files as phones and address books write them, and as nobody should."""

import pytest

from sayso.phone.core.vcard import CONTACTS_AT_ONCE, read_vcards

ANDROID = (
    "BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=B6rg;;;\r\n"
    "TEL;CELL;PREF:+44 7700 900101\r\nEND:VCARD\r\n"
)
APPLE = (
    "BEGIN:VCARD\nVERSION:3.0\nN:Example;Ann;;;\nFN:Ann\\, Example\nitem1.TEL;type=CELL:+447700900102\n"
    "item1.X-ABLabel:_$!<Mobile>!$_\nTEL;type=WORK:+447700900103\nPHOTO;ENCODING=b:AAAA\n BBBB\nEND:VCARD\n"
)


@pytest.mark.parametrize(
    ("file", "found"),
    [
        (ANDROID, [("Jörg Müller", "+44 7700 900101")]),
        (APPLE, [("Ann, Example", "+447700900102"), ("Ann, Example", "+447700900103")]),
        (
            "BEGIN:VCARD\nVERSION:4.0\nFN:李\nTEL;VALUE=uri:tel:+447700900104;ext=1\nEND:VCARD",
            [("李", "+447700900104")],
        ),
        ("BEGIN:VCARD\nFN:Long na\n me\nTEL:+447700900105\nEND:VCARD", [("Long name", "+447700900105")]),
        ("BEGIN:VCARD\nTEL:+447700900106\nEND:VCARD", [("+447700900106", "+447700900106")]),
        ("BEGIN:VCARD\nORG:Shop;Till\nTEL:12345\nEND:VCARD", [("Shop Till", "12345")]),
        (
            "BEGIN:VCARD\nN;ENCODING=QUOTED-PRINTABLE:=4C=\n=6F;;\nTEL:1\nEND:VCARD\nBEGIN:VCARD\nFN:none\nEND:VCARD",
            [("Lo", "1")],
        ),
        ("TEL:+447700900107\nEND:VCARD\nno colon\n", []),
        ("", []),
    ],
)
def test_names_and_numbers(file: str, found: list[tuple[str, str]]) -> None:
    assert read_vcards(file) == found


def test_what_is_too_long_is_cut_or_left_out() -> None:
    (name, number), *more = read_vcards(f"BEGIN:VCARD\nFN:{'a' * 500}\nTEL:1\nTEL:{'2' * 65}\nEND:VCARD")
    assert (len(name), number, more) == (200, "1", [])
    many = "BEGIN:VCARD\n" + "TEL:1\n" * (CONTACTS_AT_ONCE + 5) + "END:VCARD"
    assert len(read_vcards(many)) == CONTACTS_AT_ONCE
