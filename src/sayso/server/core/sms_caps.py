"""How many SMS may be sent: the table of caps, its defaults, and the file in which an operator changes them.

Each cap is a leaky bucket with a name: `budget` SMS at once, `per_hour` of them come back. All fail closed: whoever
cannot count sends nothing. The caps of scope `unconfirmed` are the breaker: a confirmed code gives its SMS back, so
only codes that nobody ever confirms fill them. That is what SMS pumping looks like.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec
import phonenumbers

from sayso.protocol.numbers import PhoneNumber
from sayso.server.errors import ConfigError

_HOUR: Final = 3600.0
_MAX_REFILL_HOURS: Final = 30 * 24
"""Design.md §6: a limiter record is kept for 30 days at most."""
_MAX_BLOCK_DIGITS: Final = 6
_WORLD: Final = "001"
"""`phonenumbers`' name for numbers of no country, such as satellite phones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """One leaky bucket's size and speed."""

    name: str
    budget: int
    """SMS at once; 0 sends none, ever."""
    per_hour: int
    """SMS that come back in an hour."""
    unconfirmed: bool = False
    """Whether a confirmed code gives its SMS back."""
    pause_s: float = 0.0
    """A bucket that is full stays shut for so long, and is not emptied a drop at a time meanwhile: the breaker."""

    @property
    def per_second(self) -> float:
        """SMS that come back in a second."""
        return self.per_hour / _HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class CountryCaps:
    """What differs for one country."""

    budget: int
    per_hour: int
    unconfirmed_budget: int
    unconfirmed_per_hour: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsCaps:
    """The whole table."""

    everything: Cap = Cap(name="everything", budget=1000, per_hour=1000)
    country: CountryCaps = CountryCaps(budget=300, per_hour=300, unconfirmed_budget=150, unconfirmed_per_hour=50)
    countries: Mapping[str, CountryCaps] = field(default_factory=dict)
    """By ISO 3166-1 alpha-2 code."""
    block: Cap = Cap(name="block", budget=60, per_hour=60)
    """Adjacent numbers: all those that differ in their last `block_digits` digits only."""
    block_unconfirmed: Cap = Cap(name="block-unconfirmed", budget=20, per_hour=5, unconfirmed=True, pause_s=_HOUR)
    block_digits: int = 3
    number: Cap = Cap(name="number", budget=5, per_hour=1, unconfirmed=True)
    """One number: nobody's phone is to be flooded with codes."""
    country_pause_s: float = _HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """What of a number the caps look at. Its `repr` shows the country only."""

    country: str
    """ISO 3166-1 alpha-2 code; `+` and the calling code, where a number is of no country."""
    block: str = field(repr=False)
    number: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One bucket that an SMS is taken out of."""

    cap: Cap
    of: str = field(repr=False)
    """Whose bucket: a country, a block, a number; empty for everything's."""


def destination(number: PhoneNumber, *, block_digits: int) -> Destination:
    """Say where an SMS goes."""
    parsed = phonenumbers.parse(number.e164, None)
    # A number in no range that is known to be given out counts for the main country of its calling code, so that a
    # country that is closed stays closed.
    region = phonenumbers.region_code_for_number(parsed) or phonenumbers.region_code_for_country_code(
        parsed.country_code or 0
    )
    if region == _WORLD:
        region = f"+{parsed.country_code}"
    return Destination(country=region, block=number.e164[:-block_digits], number=number.e164)


def charges(caps: SmsCaps, to: Destination) -> tuple[Charge, ...]:
    """List the buckets that an SMS is taken out of, narrowest first: the first that is full names the reason."""
    country = caps.countries.get(to.country, caps.country)
    total = Cap(name="country", budget=country.budget, per_hour=country.per_hour)
    breaker = Cap(
        name="country-unconfirmed",
        budget=country.unconfirmed_budget,
        per_hour=country.unconfirmed_per_hour,
        unconfirmed=True,
        pause_s=caps.country_pause_s,
    )
    return (
        Charge(cap=caps.number, of=to.number),
        Charge(cap=caps.block_unconfirmed, of=to.block),
        Charge(cap=caps.block, of=to.block),
        Charge(cap=breaker, of=to.country),
        Charge(cap=total, of=to.country),
        Charge(cap=caps.everything, of=""),
    )


class _Bucket(msgspec.Struct, forbid_unknown_fields=True):
    budget: int | None = None
    per_hour: int | None = None


class _Breaker(_Bucket, forbid_unknown_fields=True):
    pause_minutes: int | None = None


class _Country(_Bucket, forbid_unknown_fields=True):
    unconfirmed_budget: int | None = None
    unconfirmed_per_hour: int | None = None


class _DefaultCountry(_Country, forbid_unknown_fields=True):
    pause_minutes: int | None = None


class _Block(_Bucket, forbid_unknown_fields=True):
    digits: int | None = None


class _File(msgspec.Struct, forbid_unknown_fields=True):
    everything: _Bucket = msgspec.field(default_factory=_Bucket)
    country: _DefaultCountry = msgspec.field(default_factory=_DefaultCountry)
    countries: dict[str, _Country] = msgspec.field(default_factory=dict)
    block: _Block = msgspec.field(default_factory=_Block)
    block_unconfirmed: _Breaker = msgspec.field(default_factory=_Breaker)
    number: _Bucket = msgspec.field(default_factory=_Bucket)


def read_caps(text: str) -> SmsCaps:
    """Read the caps file (TOML; docs/reference/sms-budget.md). What it leaves out keeps its default.

    Raises:
        ConfigError: not TOML, a name or country that does not exist, or a value out of its range.
    """
    try:
        file = msgspec.convert(tomllib.loads(text), _File)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"the SMS caps file is not TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise ConfigError(f"the SMS caps file: {error}; docs/reference/sms-budget.md lists what may stand in it") from (
            error
        )
    default = SmsCaps()
    country = _country("country", file.country, default.country)
    unknown = sorted(set(file.countries) - phonenumbers.SUPPORTED_REGIONS)
    if unknown:
        raise ConfigError(f"the SMS caps file: no country is called {unknown[0]!r}; write ISO codes, such as GB")
    digits = default.block_digits if file.block.digits is None else file.block.digits
    if not 1 <= digits <= _MAX_BLOCK_DIGITS:
        raise ConfigError(f"the SMS caps file: block.digits is from 1 to {_MAX_BLOCK_DIGITS}")
    return SmsCaps(
        everything=_cap("everything", file.everything, default.everything),
        country=country,
        countries={name: _country(f"countries.{name}", given, country) for name, given in file.countries.items()},
        block=_cap("block", file.block, default.block),
        block_unconfirmed=_cap(
            "block_unconfirmed", file.block_unconfirmed, default.block_unconfirmed, file.block_unconfirmed.pause_minutes
        ),
        block_digits=digits,
        number=_cap("number", file.number, default.number),
        country_pause_s=_pause("country", file.country.pause_minutes, default.country_pause_s),
    )


def _country(where: str, given: _Country, default: CountryCaps) -> CountryCaps:
    budget, per_hour = _checked(where, given.budget, given.per_hour, default.budget, default.per_hour)
    unconfirmed, unconfirmed_per_hour = _checked(
        f"{where}.unconfirmed",
        given.unconfirmed_budget,
        given.unconfirmed_per_hour,
        default.unconfirmed_budget,
        default.unconfirmed_per_hour,
    )
    return CountryCaps(
        budget=budget,
        per_hour=per_hour,
        unconfirmed_budget=unconfirmed,
        unconfirmed_per_hour=unconfirmed_per_hour,
    )


def _cap(where: str, given: _Bucket, default: Cap, pause_minutes: int | None = None) -> Cap:
    budget, per_hour = _checked(where, given.budget, given.per_hour, default.budget, default.per_hour)
    return Cap(
        name=default.name,
        budget=budget,
        per_hour=per_hour,
        unconfirmed=default.unconfirmed,
        pause_s=_pause(where, pause_minutes, default.pause_s),
    )


def _checked(
    where: str, budget: int | None, per_hour: int | None, default_budget: int, default_per_hour: int
) -> tuple[int, int]:
    budget = default_budget if budget is None else budget
    per_hour = default_per_hour if per_hour is None else per_hour
    if budget < 0 or per_hour < 0:
        raise ConfigError(f"the SMS caps file: {where}: budgets are not negative")
    if budget > per_hour * _MAX_REFILL_HOURS:
        raise ConfigError(f"the SMS caps file: {where}: per_hour is so low that the budget would need over 30 days")
    return budget, per_hour


def _pause(where: str, minutes: int | None, default_s: float) -> float:
    if minutes is None:
        return default_s
    if not 1 <= minutes <= _MAX_REFILL_HOURS * 60:
        raise ConfigError(f"the SMS caps file: {where}.pause_minutes is from 1 minute to 30 days")
    return minutes * 60.0
