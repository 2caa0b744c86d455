"""vCard files: never an error; names and numbers keep their bounds, and everything found stands in the file."""

from sayso.phone.core.vcard import CONTACTS_AT_ONCE, read_vcards


def fuzz_one(data: bytes) -> None:
    found = read_vcards(data.decode("utf-8", "replace"))
    if len(found) > CONTACTS_AT_ONCE:
        raise AssertionError("more contacts than the bound")
    for name, number in found:
        if not 0 < len(name) <= 200 or not 0 < len(number) <= 64:
            raise AssertionError("a name or a number without bounds")


def seeds() -> list[bytes]:
    cards = [
        "BEGIN:VCARD\r\nVERSION:2.1\r\nN;ENCODING=QUOTED-PRINTABLE:M=C3=BC=\r\nller;J;;;\r\nTEL;CELL:+447700900101\r\nEND:VCARD\r\n",
        "BEGIN:VCARD\nFN:Ann\\, E\\nx\nitem1.TEL;type=CELL:+447700900102\nPHOTO:AA\n BB\nEND:VCARD\n",
        "BEGIN:VCARD\nVERSION:4.0\nORG:Shop;Till\nTEL;VALUE=uri:tel:+447700900104;ext=1\nEND:VCARD",
    ]
    return [card.encode() for card in cards]
