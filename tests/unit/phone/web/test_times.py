"""Days and times, with a clock and a zone that the test gives."""

from datetime import UTC, datetime

import pytest

from sayso.phone.web import times
from sayso.phone.web.languages import load_languages

NOW = datetime(2026, 11, 26, 15, 30, tzinfo=UTC)
LANGUAGES = load_languages()


@pytest.mark.parametrize(
    ("moment", "day", "short"),
    [
        (datetime(2026, 11, 26, 0, 5, tzinfo=UTC), "Heute", "00:05"),
        (datetime(2026, 11, 25, 23, 59, tzinfo=UTC), "Gestern", "Gestern"),
        (datetime(2026, 11, 20, 12, 0, tzinfo=UTC), "Freitag", "Fr"),
        (datetime(2026, 11, 19, 12, 0, tzinfo=UTC), "Donnerstag, 19. November 2026", "19.11.26"),
        (datetime(2025, 1, 2, 12, 0, tzinfo=UTC), "2. Januar 2025", "02.01.25"),
        (datetime(2026, 11, 28, 12, 0, tzinfo=UTC), "Samstag, 28. November 2026", "28.11.26"),
    ],
)
def test_days_in_german(moment: datetime, day: str, short: str) -> None:
    german = LANGUAGES["de"]
    assert times.day(moment, NOW, german) == day
    assert times.short(moment, NOW, german).rstrip(".") == short.rstrip(".")


def test_what_will_be() -> None:
    german = LANGUAGES["de"]
    assert times.soon(datetime(2026, 11, 26, 16, 0, tzinfo=UTC), NOW, german) == "16:00"
    assert times.soon(datetime(2026, 11, 27, 16, 0, tzinfo=UTC), NOW, german) == "27.11.26, 16:00"
    assert times.full(NOW, german) == "26.11.2026, 15:30:00"


@pytest.mark.parametrize("seconds", [-1e300, -1e11, 0.0, 1e300, 253_402_300_799.0])
@pytest.mark.parametrize("code", LANGUAGES)
def test_a_senders_clock_may_say_anything(seconds: float, code: str) -> None:
    moment = times.at(seconds, UTC)
    for said in (times.day(moment, NOW, LANGUAGES[code]), times.short(moment, NOW, LANGUAGES[code])):
        assert said
