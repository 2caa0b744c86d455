"""Days and times as people write them. The clock and the zone are given; pure."""

from datetime import datetime, timedelta, tzinfo
from typing import Final

from babel.dates import format_date, format_time

from sayso.phone.web.languages import Language

_WEEK: Final = 7
_FIRST: Final = -62_135_510_400.0
_LAST: Final = 253_402_128_000.0
"""What a datetime can hold, with a day of room for every zone: a sender's clock may say anything."""


def at(seconds: float, zone: tzinfo | None) -> datetime:
    """Return a moment in a zone (the phone's own where it is None)."""
    return datetime.fromtimestamp(min(max(seconds, _FIRST), _LAST), tz=zone).astimezone(zone)


def clock(moment: datetime, language: Language) -> str:
    """Return the time of day."""
    return str(format_time(moment, "short", locale=language.locale))


def day(moment: datetime, now: datetime, language: Language) -> str:
    """Return a day for a mark in a thread: today, yesterday, a weekday, a date."""
    back = (now.date() - moment.date()) // timedelta(days=1)
    if back == 0:
        return language.gettext("Today")
    if back == 1:
        return language.gettext("Yesterday")
    if 1 < back < _WEEK:
        return str(format_date(moment, "EEEE", locale=language.locale))
    return str(format_date(moment, "long" if moment.year != now.year else "full", locale=language.locale))


def short(moment: datetime, now: datetime, language: Language) -> str:
    """Return when something was, as short as it can be said: for the list of conversations."""
    back = (now.date() - moment.date()) // timedelta(days=1)
    if back == 0:
        return clock(moment, language)
    if back == 1:
        return language.gettext("Yesterday")
    if 1 < back < _WEEK:
        return str(format_date(moment, "EEE", locale=language.locale))
    return str(format_date(moment, "short", locale=language.locale))


def soon(moment: datetime, now: datetime, language: Language) -> str:
    """Return when something will be: the time, and the day where it is not today."""
    time = clock(moment, language)
    return time if moment.date() == now.date() else f"{format_date(moment, 'short', locale=language.locale)}, {time}"


def full(moment: datetime, language: Language) -> str:
    """Return day and time, for whoever wants to know exactly."""
    date, time = (form(moment, "medium", locale=language.locale) for form in (format_date, format_time))
    return f"{date}, {time}"
