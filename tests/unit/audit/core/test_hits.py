"""What a match is, and what may stand beside it."""

import pytest

from sayso.audit.core.forms import Edge
from sayso.audit.core.hits import Hit, agreed, evidence, key_before, longest, stands_alone


def hit(seed: int = 0, name: str = "plain", part: str = "") -> Hit:
    return Hit(seed, (name,), name, 50.0, b"<", b"seed", b">", "key", part=part)


@pytest.mark.parametrize(
    ("edge", "alone", "not_alone"),
    [
        (Edge.NONE, [b"xSEEDx", b"1SEED1"], []),
        (Edge.DIGIT, [b"SEED", b"xSEEDx", b"+SEED."], [b"1SEED", b"SEED1"]),
        (Edge.HEX, [b"gSEEDg", b":SEED"], [b"aSEED", b"SEEDF"]),
        (Edge.WORD, [b"=SEED&", b"SEED"], [b"xSEED", b"SEED9", b"\xc3\xbcSEED"]),
        (
            Edge.LOCAL,
            [b'"SEED"', b"=SEED.", b"=SEED&"],
            [b"SEED@example", b"SEED%40e", b"SEED.more", b"x.SEED", b"SEED-2"],
        ),
        (Edge.SV, [b"SEED01", b"=SEED99&"], [b"SEED", b"SEED1", b"SEED123", b"1SEED12"]),
    ],
)
def test_what_may_stand_beside(edge: Edge, alone: list[bytes], not_alone: list[bytes]) -> None:
    for view, expected in [(one, True) for one in alone] + [(one, False) for one in not_alone]:
        start = view.index(b"SEED")
        assert stands_alone(view, start, start + 4, edge) is expected, view


def test_a_preview_ends_where_no_text_goes_on() -> None:
    whole = b"the heron waits beside the bridge"
    assert agreed(b'"The heron waits bes"', 1, whole) == 20
    assert agreed(b"the heron waits be...", 0, whole) == 18
    for other in (b"the heron waits beside a lake", b"the heron waits best", whole, b"see the heron waits be..."):
        assert agreed(other, other.index(b"the"), whole) == 0


@pytest.mark.parametrize(
    ("view", "key"),
    [
        (b"a=1&email=X", "email"),
        (b'{"id":1,"user.mail":"X', "user.mail"),
        (b'{\\"em\\":\\"X', "em"),
        (b"Cookie: deviceId=X", "deviceId"),
        (b"/path/X", ""),
        (b"a=1; b=X", "b"),
    ],
)
def test_the_name_before_a_value(view: bytes, key: str) -> None:
    assert key_before(view, view.index(b"X")) == key


def test_chains_grow_outwards_and_keys_with_them() -> None:
    outer = hit().under("base64", "payload").under("").under("url")
    assert outer.chain == ("url", "base64", "plain")
    assert outer.key == "payload/key"


def test_a_token_shows_its_surroundings() -> None:
    seen = hit().within(b"x=1&h=seed&y", 6)
    assert (seen.before, seen.marked, seen.after, seen.key) == (b"x=1&h=", b"seed", b"&y", "h")


def test_evidence_is_bounded() -> None:
    before, marked, after = evidence(b"a" * 1000 + b"b" * 1000 + b"c" * 1000, 1000, 2000)
    assert (len(before), len(marked), after) == (48, 240, b"")


def test_of_nested_matches_the_longest_counts() -> None:
    long, short, other = hit(), hit(name="nsn"), hit(seed=1)
    assert longest([(2, 8, short), (0, 8, long), (2, 8, other)]) == [long, other]


def test_a_part_hides_nothing() -> None:
    part, short = hit(name="tac", part="tac"), hit(name="short")
    assert longest([(0, 8, part), (2, 6, short)]) == [part, short]


def test_a_hit_does_not_show_bytes() -> None:
    assert "seed=" in repr(hit())
    assert "marked" not in repr(hit())
