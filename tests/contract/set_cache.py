"""What every `SetCache` has to do; run by test_set_cache.py."""

import hashlib

from sayso.phone.ports import SetCache

ONE, OTHER = b"1" * 16, b"2" * 16
AT = 1_800_000_000.5


def digest(shard: bytes) -> bytes:
    return hashlib.sha256(shard).digest()


class SetCacheContract:
    """Subclass it and say how an empty one is made."""

    def open_cache(self) -> SetCache:
        raise NotImplementedError

    def test_what_is_kept_is_there(self) -> None:
        cache = self.open_cache()
        assert cache.manifest(ONE) is None
        assert cache.shard(ONE, digest(b"a")) is None
        cache.keep(ONE, b"document", [b"a", b"b"], named={digest(b"a"), digest(b"b")}, at=AT)
        assert cache.manifest(ONE) == (b"document", AT)
        assert cache.shard(ONE, digest(b"a")) == b"a"

    def test_shards_that_the_next_build_does_not_name_are_forgotten(self) -> None:
        cache = self.open_cache()
        cache.keep(ONE, b"first", [b"a", b"b"], named={digest(b"a"), digest(b"b")}, at=AT)
        cache.keep(ONE, b"second", [b"c"], named={digest(b"b"), digest(b"c")}, at=AT + 1)
        assert [cache.shard(ONE, digest(one)) for one in (b"a", b"b", b"c")] == [None, b"b", b"c"]
        assert cache.manifest(ONE) == (b"second", AT + 1)

    def test_lines_have_nothing_in_common(self) -> None:
        cache = self.open_cache()
        cache.keep(ONE, b"document", [b"a"], named={digest(b"a")}, at=AT)
        assert cache.manifest(OTHER) is None
        assert cache.shard(OTHER, digest(b"a")) is None
        cache.forget(OTHER)
        assert cache.manifest(ONE) is not None

    def test_of_a_line_that_left_nothing_stays(self) -> None:
        cache = self.open_cache()
        cache.keep(ONE, b"document", [b"a"], named={digest(b"a")}, at=AT)
        cache.forget(ONE)
        cache.forget(ONE)
        assert cache.manifest(ONE) is None
        assert cache.shard(ONE, digest(b"a")) is None
