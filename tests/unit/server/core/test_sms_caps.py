"""The table of caps, its file and its page."""

import re
from pathlib import Path

import pytest

from sayso.protocol.numbers import PhoneNumber
from sayso.server.core.sms_caps import SmsCaps, charges, destination, read_caps
from sayso.server.errors import ConfigError

PAGE = Path(__file__).resolve().parents[4] / "docs" / "reference" / "sms-budget.md"
UK, US = PhoneNumber("+447700900123"), PhoneNumber("+12025550123")


def test_a_number_is_of_a_country_and_a_block() -> None:
    to = destination(UK, block_digits=3)
    assert (to.country, to.block, to.number) == ("GB", "+447700900", UK.e164)
    assert destination(US, block_digits=2).block == "+120255501"
    assert destination(US, block_digits=3).country == "US"


def test_its_repr_shows_the_country_only() -> None:
    caps = SmsCaps()
    to = destination(UK, block_digits=3)
    assert "7700" not in repr(to)
    assert "7700" not in repr(charges(caps, to))


def test_a_number_of_no_country_shares_a_bucket_with_its_calling_code() -> None:
    assert destination(PhoneNumber("+881612345678"), block_digits=3).country == "+881"


def test_the_narrowest_bucket_comes_first() -> None:
    names = [charge.cap.name for charge in charges(SmsCaps(), destination(UK, block_digits=3))]
    assert names == ["number", "block-unconfirmed", "block", "country-unconfirmed", "country", "everything"]


def test_an_empty_file_is_the_defaults() -> None:
    assert read_caps("") == SmsCaps()


def test_what_a_file_says_counts_and_the_rest_stays() -> None:
    caps = read_caps(
        """
        [everything]
        budget = 50
        [country]
        budget = 7
        pause_minutes = 5
        [countries.GB]
        unconfirmed_budget = 9
        [countries.US]
        budget = 0
        [block]
        digits = 2
        [block_unconfirmed]
        pause_minutes = 90
        """
    )
    assert (caps.everything.budget, caps.everything.per_hour) == (50, 1000)
    assert (caps.block_digits, caps.block_unconfirmed.pause_s, caps.country_pause_s) == (2, 5400.0, 300.0)
    british = charges(caps, destination(UK, block_digits=2))
    assert [charge.cap.budget for charge in british if charge.of == "GB"] == [9, 7]
    assert {charge.cap.pause_s for charge in british if charge.cap.name == "country-unconfirmed"} == {300.0}
    american = charges(caps, destination(US, block_digits=2))
    assert [charge.cap.budget for charge in american if charge.cap.name == "country"] == [0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[everything", "not TOML"),
        ("[everyone]\nbudget = 1", "unknown field"),
        ("[everything]\nbudget = 1.5", "int"),
        ("[everything]\nbudget = -1", "negative"),
        ("[everything]\nbudget = 1\nper_hour = 0", "30 days"),
        ("[country]\nbudget = 216001", "30 days"),
        ("[countries.UK]\nbudget = 1", "'UK'"),
        ("[countries.GB]\nunconfirmed_per_hour = -1", "countries.GB.unconfirmed"),
        ("[block]\ndigits = 0", "from 1 to 6"),
        ("[block]\ndigits = 7", "from 1 to 6"),
        ("[block_unconfirmed]\npause_minutes = 0", "pause_minutes"),
        ("[country]\npause_minutes = 43201", "pause_minutes"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(problem)):
        read_caps(text)


def test_the_page_shows_the_defaults() -> None:
    found = re.search(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    assert read_caps(found.group(1)).countries["GB"].budget == 2000
    assert read_caps(found.group(1).split("[countries.", maxsplit=1)[0]) == SmsCaps()
