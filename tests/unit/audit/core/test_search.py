"""The search as a whole; the table of every encoding is tests/unit/audit/test_encodings.py."""

import base64
import gzip
import hashlib
import json
import zlib
from collections.abc import Iterable
from random import Random
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from sayso.audit.adapters.aho_corasick import AhoCorasickEngine
from sayso.audit.core.decode.budget import Bounds, Budget
from sayso.audit.core.digests import DigestIndex, digests_of
from sayso.audit.core.forms import expand
from sayso.audit.core.hits import Hit
from sayso.audit.core.search import Search
from sayso.audit.core.split import pieces
from tests.fakes.audit_world import SEEDS, Ticks

IMEI = b"490154203237518"


def search(*plugins: object) -> Search:
    return Search([expand(seed) for seed in SEEDS], DigestIndex([]), {}, AhoCorasickEngine(), plugins)  # type: ignore[arg-type]  # the test's plug-in is one by shape


def budget(bounds: Bounds | None = None) -> Budget:
    return Budget(bounds or Bounds(), Ticks())


def chains(hits: Iterable[Hit]) -> set[tuple[str, ...]]:
    return {hit.chain for hit in hits if not hit.part}


def test_layers_are_undone_from_outside() -> None:
    inner = json.dumps({"id": IMEI.decode(), "x": 'a"b'}).encode()
    view = b"q=" + quote(base64.b64encode(gzip.compress(base64.b64encode(inner * 2))), safe="").encode()
    assert chains(search().look(view, budget())) == {("url", "base64", "gzip", "base64", "plain")}


def test_the_shortest_chain_is_told() -> None:
    assert chains(search().look(b"a=%20&b=" + IMEI, budget())) == {("plain",)}


def test_the_same_view_and_the_same_token_are_not_decoded_twice() -> None:
    counted = _Counting()
    made = search(counted)
    view = b'{"a":"' + base64.b64encode(b"some text that is long enough") + b'"}'
    for _ in range(3):
        made.look(view, budget())
    assert len(counted.seen) == len(set(counted.seen))


class _Counting:
    name = "counting"

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    def decode(self, data: bytes) -> Iterable[bytes]:
        self.seen.append(data)
        return ()


class _Backwards:
    name = "every-other"

    def decode(self, data: bytes) -> Iterable[bytes]:
        if data.startswith(b"eo:"):
            yield data[3::2]


def test_a_plug_in_undoes_what_nobody_else_can() -> None:
    hidden = b"eo:" + b"".join(bytes((byte, 0x23)) for byte in b"id=" + IMEI)
    assert chains(search(_Backwards()).look(hidden, budget())) == {("every-other", "plain")}


def test_a_content_coding_is_tried() -> None:
    engine = zlib.compressobj(wbits=-15)
    packed = engine.compress(IMEI) + engine.flush()
    assert ("deflate", "plain") in chains(search().look(packed, budget(), coding="deflate"))


def test_depth_is_bounded() -> None:
    view = IMEI + b" of a phone"
    for _ in range(5):
        view = base64.b64encode(view)
    assert chains(search().look(view, budget(Bounds(depth=4)))) == set()
    assert len(chains(search().look(view, budget(Bounds(depth=5))))) == 1


def test_what_was_cut_is_told() -> None:
    cut = budget(Bounds(view_bytes=100))
    search().look(gzip.compress(b"a" * 1000), cut)
    assert cut.incomplete == "size"


def test_what_nobody_can_read_is_counted() -> None:
    made = search()
    dense = Random(1).randbytes(2000)
    made.look(dense, budget())
    assert 1_900 < made.opaque_bytes <= 2_000
    for _ in range(2):  # remembered, and counted again
        for write in (base64.urlsafe_b64encode, base64.b32encode):
            made.look(b"p=" + write(dense), budget())
            assert made.opaque_bytes > 1_900
    made.look(b"plain", budget())
    assert made.opaque_bytes == 0


def test_pieces_are_noticed() -> None:
    made = Search([expand(SEEDS[0])], DigestIndex([]), {}, AhoCorasickEngine(), pieces=frozenset({b"49015420"}))
    made.look(b"tac=49015420&x", budget())
    assert made.met_piece
    made.look(b"nothing", budget())
    assert not made.met_piece


def test_what_looks_like_escapes_in_a_picture_does_not_make_it_opaque() -> None:
    made = search()
    made.look(b"\xff\xd8\xff\xe0" + Random(4).randbytes(3000) + b"%41" + Random(5).randbytes(3000), budget())
    assert not made.opaque_bytes


def test_escaped_random_bytes_amid_framing_stay_opaque() -> None:
    made = search()
    made.look(b"\x00\x01\x02key: " + quote(Random(4).randbytes(900), safe="").encode() + b"\x00", budget())
    assert made.opaque_bytes


def test_a_view_of_nothing_but_seeds_is_bounded() -> None:
    assert len(search().look(b" ".join([IMEI] * 50_000), budget())) <= 2_000


_SHORT = st.lists(
    st.lists(
        st.sampled_from(
            (
                *(
                    IMEI,
                    IMEI[:8],
                    IMEI[8:],
                    b"word",
                    b"text/html;q=0.9",
                    b"=",
                    b"  ",
                    b" ",
                    b"\n",
                    b";",
                    b"&",
                    b"A1b2C3",
                ),
                *(base64.b64encode(b"id=" + IMEI), IMEI.hex().encode(), IMEI.hex(" ").encode(), quote("@").encode()),
                *(b"%s" % quote(IMEI.hex()).encode(), b"".join(b"=%02X" % one for one in IMEI), b"=\n", b"\\u0034"),
                *(b"".join(b"&#%d;" % one for one in IMEI), str(list(IMEI)).encode(), b"\x00\xff", b"490"),
                *(
                    hashlib.sha1(IMEI, usedforsecurity=False).hexdigest().encode(),
                    Random(3).randbytes(400).hex().encode(),
                ),
            )
        ),
        max_size=3,
    ).map(b"".join),
    max_size=6,
)


@given(_SHORT)
def test_short_texts_looked_at_together_lose_nothing(several: list[bytes]) -> None:
    forms = [expand(SEEDS[0])]

    def made() -> Search:
        index = DigestIndex(digests_of(0, forms[0]))
        return Search(forms, index, {}, AhoCorasickEngine(), pieces=pieces(forms))

    one_by_one, together = made(), made()
    worth = together.worth_a_look(several, budget())
    for data in several:
        if one_by_one.look(data, budget()) or one_by_one.opaque_bytes or one_by_one.met_piece:
            assert data in worth
    again = together.worth_a_look(several, budget())
    assert again <= worth  # what was remembered is as true


def test_short_texts_without_anything_need_no_look() -> None:
    assert search().worth_a_look([b"text/html", b"gzip, br", b"sid=3fA9"], budget()) == set()


def test_a_plug_in_sees_each_short_text() -> None:
    assert search(_Backwards()).worth_a_look([b"text/html"], budget()) == {b"text/html"}


def test_what_was_met_where_nobody_xors_is_searched_again_where_somebody_may() -> None:
    seen = search()
    xored = bytes(one ^ 0x05 for one in b"imei is " + IMEI + b" of this phone")
    assert seen.look(xored, budget()) == ()
    assert {hit.chain[0] for hit in seen.look(xored, budget(), xor=True)} == {"xor:05"}
