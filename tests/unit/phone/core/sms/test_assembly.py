"""Parts to wholes, as networks really deliver them."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from sayso.phone.core.sms.assembly import GAP, PATIENCE_S, TOGETHER_S, Part, assemble
from sayso.phone.core.sms.header import PartOf

BOB, CAROL = "+447700900002", "+447700900003"


def part(
    place: int,
    number: int,
    total: int,
    text: str,
    *,
    sender: str = BOB,
    reference: int = 7,
    wide: bool = False,
    sent_at: float = 1000.0,
    seen_at: float = 0.0,
) -> Part:
    of = PartOf(reference, wide=wide, total=total, number=number)
    return Part(place=place, sender=sender, sent_at=sent_at, seen_at=seen_at, of=of, text=text)


def test_in_any_order() -> None:
    parts = [part(3, 3, 3, "c"), part(1, 1, 3, "a"), part(2, 2, 3, "b", sent_at=999.0)]
    (whole,) = assemble(parts, now=0.0)
    assert (whole.text, whole.sender, whole.sent_at, whole.places, whole.missing) == ("abc", BOB, 999.0, (1, 2, 3), 0)


def test_nothing_is_shown_before_all_parts_are_there() -> None:
    assert assemble([part(1, 1, 2, "a")], now=PATIENCE_S - 1) == []


def test_parts_that_never_come_are_given_up_and_seen_to_be_missing() -> None:
    (whole,) = assemble([part(1, 2, 5, "b"), part(2, 5, 5, "e")], now=PATIENCE_S)
    assert (whole.text, whole.missing) == (f"{GAP}b{GAP}e", 3)


def test_patience_begins_anew_with_every_part() -> None:
    assert assemble([part(1, 1, 3, "a"), part(2, 2, 3, "b", seen_at=PATIENCE_S / 2)], now=PATIENCE_S) == []


def test_a_part_that_comes_twice_is_one_and_both_places_are_freed() -> None:
    (whole,) = assemble([part(1, 1, 2, "a"), part(2, 1, 2, "a"), part(3, 2, 2, "b")], now=0.0)
    assert (whole.text, whole.places) == ("ab", (1, 2, 3))


def test_two_sets_under_one_reference_are_told_apart_by_time() -> None:
    """A sender's phone was restarted and counts from the beginning again."""
    parts = [
        part(1, 1, 2, "Happy ", sent_at=1000.0),
        part(2, 1, 2, "Sad ", sent_at=5000.0),
        part(3, 2, 2, "Easter", sent_at=5001.0),
        part(4, 2, 2, "Birthday", sent_at=1001.0),
    ]
    assert {whole.text for whole in assemble(parts, now=0.0)} == {"Happy Birthday", "Sad Easter"}


def test_half_of_one_text_and_half_of_another_are_not_one() -> None:
    """Both sets lack what the other has: the network lost a part of each."""
    halves = [part(1, 2, 2, "Birthday", sent_at=1001.0), part(2, 1, 2, "Sad ", sent_at=1001.0 + 2 * TOGETHER_S)]
    assert assemble(halves, now=PATIENCE_S - 1) == []
    assert [whole.text for whole in assemble(halves, now=PATIENCE_S)] == [f"{GAP}Birthday", f"Sad {GAP}"]


def test_two_sets_at_once_of_which_one_lacks_a_part() -> None:
    parts = [part(1, 1, 2, "a", sent_at=1.0), part(2, 1, 2, "A", sent_at=100.0), part(3, 2, 2, "B", sent_at=101.0)]
    (whole,) = assemble(parts, now=0.0)
    assert whole.text == "AB"


def test_what_makes_a_set() -> None:
    """Another sender, another width of the reference, another total: other sets."""
    parts = [
        part(1, 1, 2, "a"),
        part(2, 2, 2, "b", sender=CAROL),
        part(3, 2, 2, "b", wide=True),
        part(4, 2, 3, "b"),
        part(5, 2, 2, "b", reference=8),
    ]
    assert assemble(parts, now=0.0) == []


def test_two_hundred_and_fifty_five_parts() -> None:
    parts = [part(number, number, 255, chr(0x100 + number)) for number in range(1, 256)]
    Random(1).shuffle(parts)
    (whole,) = assemble(parts, now=0.0)
    assert whole.text == "".join(chr(0x100 + number) for number in range(1, 256))
    assert whole.places == tuple(range(1, 256))


def test_data_is_joined_and_has_no_gaps() -> None:
    of = [PartOf(1, wide=False, total=2, number=number) for number in (1, 2)]
    parts = [
        Part(place=2, sender=BOB, sent_at=0.0, seen_at=0.0, of=of[1], text="", data=b"cd", port=2948),
        Part(place=1, sender=BOB, sent_at=0.0, seen_at=0.0, of=of[0], text="", data=b"ab", port=2948),
    ]
    (whole,) = assemble(parts, now=0.0)
    assert (whole.data, whole.text, whole.port) == (b"abcd", "", 2948)
    (half,) = assemble(parts[:1], now=PATIENCE_S)
    assert (half.data, half.text, half.missing) == (b"cd", "", 1)


def test_ten_megabytes_in_a_burst() -> None:
    """76,500 parts of 300 texts, shuffled."""
    words = "x" * 138
    parts = [
        part(number + 255 * text, number + 1, 255, words, reference=text % 256, sender=f"+4477009{text // 256:05d}")
        for text in range(300)
        for number in range(255)
    ]
    Random(2).shuffle(parts)
    wholes = assemble(parts, now=0.0)
    assert len(wholes) == 300
    assert sum(len(whole.text) for whole in wholes) > 10 * 1024 * 1024


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3), st.sampled_from("xyz"), st.integers(0, 3)), max_size=30)
)
def test_no_part_is_lost_and_none_is_used_twice(drawn: list[tuple[int, int, str, int]]) -> None:
    parts = [
        part(place, min(number, total), total, text, sent_at=float(at))
        for place, (number, total, text, at) in enumerate(drawn)
    ]
    wholes = assemble(parts, now=PATIENCE_S)
    places = [place for whole in wholes for place in whole.places]
    assert sorted(places) == list(range(len(parts)))
    assert wholes == assemble(parts[::-1], now=PATIENCE_S) or len({p.sent_at for p in parts}) < len(parts)
