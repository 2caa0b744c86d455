"""Every engine finds the same: all occurrences, overlapping ones too."""

import importlib
import importlib.util

import pytest

from sayso.audit.adapters.aho_corasick import AhoCorasickEngine
from sayso.audit.ports import Engine
from tests.accounting import not_tested


def engine(name: str) -> Engine:
    if name != "hyperscan":
        return AhoCorasickEngine(large=name == "aho-corasick, large")
    if importlib.util.find_spec("hyperscan") is None:
        not_tested("hyperscan is not installed on this machine")
    made: Engine = importlib.import_module("sayso.audit.adapters.hyperscan_engine").HyperscanEngine()
    return made


@pytest.mark.parametrize("name", ["aho-corasick", "aho-corasick, large", "hyperscan"])
class TestEngine:
    def test_every_occurrence_is_found(self, name: str) -> None:
        matcher = engine(name).build([b"abc", b"bc", b"\x00\xff", b"a.c*("])
        found = sorted(matcher.find(b"abcabc \x00\xff a.c*("))
        assert found == [(0, 0, 3), (0, 3, 6), (1, 1, 3), (1, 4, 6), (2, 7, 9), (3, 10, 15)]

    def test_nothing_is_found_in_nothing(self, name: str) -> None:
        assert list(engine(name).build([b"abc"]).find(b"")) == []

    def test_thousands_of_patterns(self, name: str) -> None:
        patterns = [b"seed-%05d" % number for number in range(5_000)]
        matcher = engine(name).build(patterns)
        assert list(matcher.find(b"x seed-04321 y")) == [(4321, 2, 12)]
