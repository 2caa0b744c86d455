"""Seeds in pieces."""

import pytest

from sayso.audit.core.model import Direction, Exchange, Field, Place
from sayso.audit.core.split import join, pieces
from tests.fakes.audit_world import PEER, SEEDS, chains, exchange, findings, scan


def test_the_values_of_fields_in_their_order() -> None:
    joined = join([b"https://a.example/?x=4901&y=5420", b'{"z":"323"}'])
    assert joined.data.endswith(b"49015420323")


@pytest.mark.parametrize(
    "data",
    [
        b"a=49015420&b=3237518",
        b'{"tac":"49015420","rest":["x"],"snr":"323751"}',
        b"a=4901&b=5420&c=3237&d=518",
        b"x=1&a=49015420323&b=7518&y=2",
    ],
)
def test_an_imei_in_pieces(data: bytes) -> None:
    found = [one for one in findings(data) if one.seed == "imei"]
    assert found
    assert all("split" in one.chain for one in found)


def test_where_the_pieces_stood_is_said() -> None:
    assert findings(b"a=49015420&b=3237518")[0].path == "a+b"


@pytest.mark.parametrize("data", [b"a=49015420&b=3237519", b"a=149015420&b=3237518", b"a=4901&b=5421&c=3237&d=518"])
def test_a_near_miss_in_pieces_is_none(data: bytes) -> None:
    assert findings(data) == ()


def test_pieces_of_url_and_body_belong_together() -> None:
    fields = (Field(Place.URL, "", b"https://t.example/?lat=-47.1824"), Field(Place.BODY, "", b'{"lon":-126.9045}'))
    report = scan(Exchange(0, None, PEER, "http/1.1", fields, encrypted=True))
    assert {one.chain for one in report.findings} == {("split", "latitude+longitude")}


def test_pieces_of_both_directions_do_not() -> None:
    fields = (Field(Place.BODY, "", b"lat=-47.1824"), Field(Place.BODY, "", b"lon=-126.9045", Direction.RECEIVED))
    assert scan(Exchange(0, None, PEER, "http/1.1", fields, encrypted=True)).findings == ()


def test_the_words_of_a_name() -> None:
    assert ("split", "word+word+word") in {
        tuple(step.partition(".")[0] if step != "split" else step for step in one)
        for one in chains(b'{"first":"Cordelia","middle":"Vexmoor","last":"Quillfeather"}', "contact_name")
    }
    assert chains(b'{"first":"Cordelia","last":"Quillfeather"}', "contact_name") == set()


def test_pieces_are_of_main_forms_only() -> None:
    from_imei = pieces([])
    assert from_imei == frozenset()
    assert len(SEEDS) == 14
    assert scan(exchange(b"nothing=here")).findings == ()
