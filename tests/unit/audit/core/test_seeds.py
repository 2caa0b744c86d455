"""The seeds file."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.audit.core import fresh, seeds
from sayso.audit.core.seed_types import Seed, SeedType
from sayso.audit.errors import SeedError


def test_a_file_of_each_kind_of_table() -> None:
    read = seeds.parse(
        b"""
        [[seed]]
        id = "mine"
        type = "msisdn"
        value = "07700 900123"
        region = "gb"
        [[decoy]]
        type = "imei"
        value = "490154203237518"
        [[salt]]
        name = "app"
        value = "com.example"
        [[key]]
        hex = "00ff"
        """
    )
    assert read.seeds == (Seed("mine", SeedType.MSISDN, "07700 900123", "GB"),)
    assert read.decoys[0].id == "decoy-1-imei"
    assert read.decoys[0].decoy
    assert read.salts[0].value == b"com.example"
    assert read.keys[0].value == b"\x00\xff"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("seed = 1", "two brackets"),
        ("", "no \\[\\[seed\\]\\] table"),
        ("[[seed]]\ntype = 'imei'", "has no value"),
        ("[[seed]]\ntype = 'imei'\nvalue = 490154203237518", "in quotes"),
        ("[[seed]]\ntype = 'imei'\nvalue = '490154203237518'\ncolour = 'red'", "no key 'colour'"),
        ("[[seed]]\ntype = 'free'\nvalue = 'abcdef'\nregion = 'GBR'", "two letters"),
        (
            "[[seed]]\nid='a'\ntype='free'\nvalue='abcdef'\n[[seed]]\nid='a'\ntype='free'\nvalue='ghijkl'",
            "occurs twice",
        ),
        ("[[sed]]\n", "not 'sed'"),
        ("[[seed]]\nvalue = 'secret-value' x\n", "no TOML \\(line 2\\)"),
        ("[[seed]]\ntype='free'\nvalue='abcdef'\n[[salt]]\nname='x'", "either value"),
        ("[[seed]]\ntype='free'\nvalue='abcdef'\n[[key]]\nhex='xy'", "neither hex"),
        ("[[seed]]\nid=\"a\\nb\"\ntype='free'\nvalue='abcdef'", "control character"),
    ],
)
def test_what_is_wrong_is_said(text: str, says: str) -> None:
    with pytest.raises(SeedError, match=says) as caught:
        seeds.parse(text.encode())
    assert "secret-value" not in str(caught.value)


def test_no_utf8_and_too_large() -> None:
    for data in (b"\xff\xfe", b"#" * (seeds.MAX_FILE_BYTES + 1)):
        with pytest.raises(SeedError):
            seeds.parse(data)


@given(st.integers(0, 2**32))
def test_what_is_written_is_read_back(number: int) -> None:
    made, decoys = fresh.new_set(Random(number))
    read = seeds.parse(seeds.render(made, decoys, comment="for a test\nof two lines").encode())
    assert (read.seeds, read.decoys) == (made, decoys)


@given(
    st.text(alphabet=st.characters(codec="utf-8"), min_size=6, max_size=30).filter(lambda text: len(text.strip()) >= 6)
)
def test_any_text_survives(text: str) -> None:
    seed = Seed("free", SeedType.FREE, text.strip())
    assert seeds.parse(seeds.render([seed]).encode()).seeds == (seed,)
