"""Which keys are kept and served."""

from hypothesis import given
from hypothesis import strategies as st

from sayso.protocol.keys import RatchetKey
from sayso.protocol.limits import HOUR
from sayso.server.core.held_keys import MAX_ONE_TIME_KEYS, accept_one_time_keys, previous_is_served


def key(key_id: int, of: bytes = b"k") -> RatchetKey:
    return RatchetKey(key_id, of * 32, b"s" * 64)


@given(st.lists(st.lists(st.integers(0, 300), max_size=50), max_size=12))
def test_no_id_is_ever_taken_twice_and_no_more_than_a_hundred_are_held(batches: list[list[int]]) -> None:
    highest, held, taken = -1, 0, []
    for batch in batches:
        accepted = accept_one_time_keys([key(key_id) for key_id in batch], highest=highest, held=held)
        taken += [one.id for one in accepted]
        held += len(accepted)
        highest = max([highest, *(one.id for one in accepted)])
        assert held <= MAX_ONE_TIME_KEYS
    assert taken == sorted(set(taken))


def test_of_two_with_one_id_the_first_counts() -> None:
    assert accept_one_time_keys([key(1, b"a"), key(1, b"b")], highest=-1, held=0) == [key(1, b"a")]


def test_the_lowest_ids_are_taken_where_there_is_no_room_for_all() -> None:
    taken = accept_one_time_keys([key(9), key(7), key(8)], highest=6, held=MAX_ONE_TIME_KEYS - 2)
    assert [one.id for one in taken] == [7, 8]
    assert accept_one_time_keys([key(9)], highest=8, held=MAX_ONE_TIME_KEYS + 5) == []


def test_the_previous_envelope_key_is_served_for_two_days() -> None:
    assert previous_is_served(100.0, 100.0 + 48 * HOUR - 1)
    assert not previous_is_served(100.0, 100.0 + 48 * HOUR)
