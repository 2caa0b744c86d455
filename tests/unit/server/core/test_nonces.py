"""Nonces: once, for five minutes, in bounded memory."""

import base64
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.protocol.api import ProblemType
from sayso.protocol.limits import LIMITS
from sayso.server.core.nonces import RANDOM_BYTES, Nonces
from sayso.server.errors import Refused

KEY = b"k" * 32
_RANDOM = random.Random(5)


def nonces(capacity: int = 1000, key: bytes = KEY) -> Nonces:
    return Nonces(key=key, capacity=capacity)


def issue(source: Nonces, now: float = 10.0) -> str:
    return source.issue(now=now, randomness=_RANDOM.randbytes(RANDOM_BYTES))


def refuses(source: Nonces, nonce: str, now: float = 10.0) -> bool:
    try:
        source.check(nonce, now=now)
    except Refused as refused:
        return refused.problem is ProblemType.BAD_NONCE
    return False


def test_a_nonce_is_good_once() -> None:
    source = nonces()
    nonce = issue(source)
    source.check(nonce, now=10.0)
    source.use(nonce, now=10.0)
    assert refuses(source, nonce)
    with pytest.raises(Refused):
        source.use(nonce, now=10.0)


def test_a_nonce_is_good_for_five_minutes() -> None:
    source = nonces()
    nonce = issue(source)
    assert not refuses(source, nonce, now=10.0 + LIMITS.nonce_s - 1)
    assert refuses(source, nonce, now=10.0 + LIMITS.nonce_s)


def test_a_nonce_of_another_process_is_refused() -> None:
    assert refuses(nonces(), issue(nonces(key=b"x" * 32)))


@given(st.text(max_size=80))
def test_no_other_text_is_a_nonce(text: str) -> None:
    assert refuses(nonces(), text)


@given(st.integers(0, 47), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=é"))
def test_a_changed_character_makes_it_another_nonce(place: int, character: str) -> None:
    source = nonces()
    nonce = source.issue(now=10.0, randomness=bytes(RANDOM_BYTES))
    changed = nonce[:place] + character + nonce[place + 1 :]
    assert refuses(source, changed) == (changed != nonce)


def test_two_nonces_of_one_moment_differ() -> None:
    source = nonces()
    assert issue(source) != issue(source)


def test_a_nonce_has_no_second_name_in_the_other_alphabet() -> None:
    source = nonces()
    given_out = [issue(source) for _ in range(20)]
    assert any("-" in nonce or "_" in nonce for nonce in given_out)
    for nonce in given_out:
        other = nonce.replace("-", "+").replace("_", "/")
        assert refuses(source, other) == (other != nonce)


def test_nonces_of_one_moment_have_no_four_bytes_in_common() -> None:
    """Else two lines that asked in the same millisecond would be tied, and the time would tell how long it has run."""
    source = nonces()
    given_out = [base64.urlsafe_b64decode(issue(source)) for _ in range(10)]
    seen: set[bytes] = set()
    for raw in given_out:
        own = {raw[at : at + 4] for at in range(len(raw) - 3)}
        assert not own & seen
        seen |= own


def test_memory_is_bounded_and_no_nonce_is_good_twice_all_the_same() -> None:
    source = nonces(capacity=20)
    given_out = [(issue(source, now=10 + place / 10), 10 + place / 10) for place in range(200)]
    for nonce, issued in given_out:
        source.use(nonce, now=issued)
        assert len(source._used) <= 21
    assert all(refuses(source, nonce, now=30.0) for nonce, _ in given_out)
    fresh = issue(source, now=30.0)
    source.use(fresh, now=30.0)
    assert refuses(source, fresh, now=30.0)


def test_what_is_too_old_makes_room_before_anything_else() -> None:
    source = nonces(capacity=20)
    for _ in range(20):
        source.use(issue(source, now=10.0), now=10.0)
    waiting = issue(source, now=400.0)
    source.use(issue(source, now=401.0), now=401.0)
    assert not refuses(source, waiting, now=401.0), "no fresh nonce had to go"
