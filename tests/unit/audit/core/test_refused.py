"""Connections that an app refused to have opened."""

from sayso.audit.core import refused
from sayso.audit.core.model import Peer


def test_a_line_comes_back() -> None:
    (one,) = refused.parse(refused.line(12.5, "pinned.example", 443))
    assert (one.time, one.peer, one.protocol) == (12.5, Peer("pinned.example", "", 443), "tls")


def test_a_hostile_host_makes_no_second_line() -> None:
    text = refused.line(1.0, "a\n2.0 b 1\n", 443)
    assert text.count("\n") == 1
    assert [one.peer.host for one in refused.parse(text)] == ["a2.0b1"]


def test_what_is_no_line_says_nothing() -> None:
    assert list(refused.parse("\nnonsense\n1 2\n")) == []
