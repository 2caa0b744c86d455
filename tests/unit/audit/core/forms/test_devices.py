"""Forms of device ids and places."""

import struct

import pytest

from sayso.audit.core.forms import expand
from sayso.audit.core.forms.devices import geohash
from sayso.audit.core.seed_types import SeedType
from tests.fakes.audit_world import SEEDS


@pytest.mark.parametrize(
    ("kind", "name", "data"),
    [
        (SeedType.ANDROID_ID, "plain", b"9f3c6b21d07ae548"),
        (SeedType.ANDROID_ID, "decimal", str(0x9F3C6B21D07AE548).encode()),
        (SeedType.ANDROID_ID, "signed", str(0x9F3C6B21D07AE548 - (1 << 64)).encode()),
        (SeedType.ANDROID_ID, "int64le", bytes.fromhex("9f3c6b21d07ae548")[::-1]),
        (SeedType.ADVERTISING_ID, "plain", b"3b7f0c52-9ad1-4e68-b2c4-81d05fe6a937"),
        (SeedType.ADVERTISING_ID, "bytes.guid", bytes.fromhex("520c7f3bd19a684eb2c481d05fe6a937")),
        (SeedType.MAC, "plain", b"02:4b:7e:91:c3:5d"),
        (SeedType.MAC, "bare", b"024b7e91c35d"),
        (SeedType.MAC, "cisco", b"024b.7e91.c35d"),
        (SeedType.MAC, "no-zeros", b"2:4b:7e:91:c3:5d"),
        (SeedType.MAC, "eui-64", b"4b:7eff:fe91:c35d"),
        (SeedType.MAC, "bytes.turned", bytes.fromhex("5dc3917e4b02")),
        (SeedType.COORDINATES, "plain", b"-47.182364,-126.904518"),
        (SeedType.COORDINATES, "4-decimals", b"-47.1824,-126.9045"),
        (SeedType.COORDINATES, "4-decimals.turned", b"-126.9045,-47.1823"),
        (SeedType.COORDINATES, "3-decimals", b"-47.182,-126.905"),
        (SeedType.COORDINATES, "latitude", struct.pack("<d", -47.182364)),
    ],
)
def test_how_it_is_written(kind: SeedType, name: str, data: bytes) -> None:
    seed = next(one for one in SEEDS if one.type is kind)
    assert data in {form.data for form in expand(seed) if form.name == name}


def test_a_published_geohash() -> None:
    assert geohash(57.64911, 10.40744, 11) == "u4pruydqqvj"
    assert geohash(42.605, -5.603, 5) == "ezs42"
