"""Fresh seeds and decoys."""

from random import Random

import pytest

from sayso.audit.core import fresh
from sayso.audit.core.seed_types import SeedType, luhn_digit
from sayso.audit.errors import SeedError


def test_one_of_each_type_and_as_many_decoys_as_asked() -> None:
    seeds, decoys = fresh.new_set(Random(1), decoys=3)
    assert {seed.type for seed in seeds} == set(SeedType)
    assert len(decoys) == 3 * len(seeds)
    assert all(decoy.decoy for decoy in decoys)


def test_checksums_are_right() -> None:
    seeds, decoys = fresh.new_set(Random(2))
    for seed in (*seeds, *decoys):
        if seed.type in {SeedType.IMEI, SeedType.ICCID}:
            assert seed.value[-1] == luhn_digit(seed.value[:-1])


@pytest.mark.parametrize(("region", "start"), [("GB", "+447700900"), ("US", "+120255501")])
def test_numbers_are_of_the_ranges_for_fiction(region: str, start: str) -> None:
    seeds, _ = fresh.new_set(Random(3), region=region)
    numbers = [seed.value for seed in seeds if seed.type in {SeedType.MSISDN, SeedType.CONTACT_NUMBER}]
    assert len(set(numbers)) == len(numbers) == 3
    assert all(number.startswith(start) for number in numbers)


def test_no_two_are_alike_and_no_decoy_is_a_seed() -> None:
    for number in range(20):
        seeds, decoys = fresh.new_set(Random(number), decoys=4)
        values = [seed.value for seed in (*seeds, *decoys)]
        assert len(set(values)) == len(values)


def test_the_same_randomness_makes_the_same_seeds() -> None:
    assert fresh.new_set(Random(5)) == fresh.new_set(Random(5))


def test_a_decoy_has_the_shape_of_its_seed() -> None:
    seeds, decoys = fresh.new_set(Random(6))
    for seed, decoy in zip(seeds, decoys, strict=True):
        assert decoy.type is seed.type
        if seed.type is not SeedType.COORDINATES:
            assert len(decoy.value) == len(seed.value)


def test_a_range_that_is_used_up_is_said() -> None:
    every = {f"+120255501{number:02}" for number in range(100)}
    with pytest.raises(SeedError, match="no unused value"):
        fresh._number(Random(1), every, "US")
