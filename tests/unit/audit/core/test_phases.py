"""Phase files."""

from datetime import date

import pytest

from sayso.audit.core import phases
from sayso.audit.core.model import Mark
from sayso.audit.errors import PhaseError

FILE = b"""# steps
1000 boot
2001-09-09T01:46:40Z SIM in
2001-09-09T03:46:41+02:00 Wi-Fi on
"""


def test_a_phase_lasts_until_the_next() -> None:
    read = phases.parse(FILE)
    assert [read.at(when) for when in (999, 1000, 1e9 - 1, 1e9, 1e9 + 1, 2e9)] == [
        phases.BEFORE,
        "boot",
        "boot",
        "SIM in",
        "Wi-Fi on",
        "Wi-Fi on",
    ]


def test_no_time_or_no_phases_is_no_phase() -> None:
    assert phases.Phases().at(5.0) == ""
    assert phases.parse(FILE).at(None) == ""


def test_times_of_day_need_the_day() -> None:
    read = phases.parse(b"10:15 login\n10:16:30 SMS sent", day=date(2001, 9, 9))
    assert read.starts == (1000030500.0, 1000030590.0)
    with pytest.raises(PhaseError, match="line 1: give the day"):
        phases.parse(b"10:15 login")


def test_toml_and_an_offset() -> None:
    text = b'[[phase]]\nat = 1970-01-01T00:01:00Z\nname = "b"\n'
    text += b'[[phase]]\nat = 30\nname = "a"\n[[phase]]\nat="90"\nname="c"'
    assert phases.parse(text, offset=5).starts == (35.0, 65.0, 95.0)
    assert phases.parse(text).names == ("a", "b", "c")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no time",
        b"25:99 x",
        b"\xff",
        b"[[phase]]\nat = 1",
        b"[[phase]]\nat =",
        b"1 x\n" * 1_001,
        b"2001-13-01T00:00Z x",
    ],
)
def test_what_is_no_phase_file_is_refused(data: bytes) -> None:
    with pytest.raises(PhaseError):
        phases.parse(data, day=date(2001, 1, 1))


def test_too_large() -> None:
    with pytest.raises(PhaseError):
        phases.parse(b"#" * (phases.MAX_FILE_BYTES + 1))


def test_names_lose_what_cannot_be_seen() -> None:
    assert phases.parse("1 a\u202eb".encode()).names == ("a b",)


def test_marks_made_while_recording() -> None:
    both = phases.Phases((5.0,), ("late",)).with_mark(Mark(1.0, "early"))
    assert both.names == ("early", "late")
