"""What cannot be looked into."""

from random import Random

from sayso.audit.core.opacity import is_dense, is_media, is_opaque

DENSE = Random(1).randbytes(4096)


def test_random_bytes_are_opaque() -> None:
    assert is_opaque(DENSE)
    assert is_dense(DENSE)


def test_short_ones_are_keys_and_signatures() -> None:
    assert not is_opaque(DENSE[:100])


def test_pictures_are_known_for_what_they_are() -> None:
    assert is_media(b"\x89PNG\r\n\x1a\n" + DENSE)
    assert is_media(b"\x00\x00\x00\x20ftypisom" + DENSE)
    assert not is_opaque(b"\xff\xd8\xff\xe0" + DENSE)


def test_what_repeats_can_be_read() -> None:
    assert not is_opaque(bytes(range(256)) * 16)
    assert not is_opaque(b"plain text " * 100)


def test_what_repeats_or_is_text_beside_it_hides_nothing() -> None:
    pattern, words = bytes(range(256)) * 4, b"plain text " * 200
    assert is_opaque(pattern + DENSE[:2000])
    assert is_opaque(pattern + DENSE[:2000] + pattern)
    assert is_opaque(words + DENSE[:1500])
    assert not is_opaque(words + DENSE[:100])
