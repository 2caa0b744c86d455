"""Streams by network: bounded, given back, and no address kept."""

import pytest

from sayso.server.core.limits import FloodLimits
from sayso.server.core.networks import Networks, Standing

KEY = bytes(range(32))


def networks(**limits: int) -> Networks:
    return Networks(FloodLimits(**limits), key=KEY)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.254", True),
        ("192.0.2.1", "192.0.3.1", False),
        ("2001:db8:1::1", "2001:db8:1:ffff::2", True),
        ("2001:db8:1::1", "2001:db8:2::1", False),
        ("::ffff:192.0.2.1", "192.0.2.77", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
    ],
)
def test_a_network_is_a_24_or_a_48(one: str, other: str, *, same: bool) -> None:
    counted = networks()
    assert (counted.name(one) == counted.name(other)) is same


@pytest.mark.parametrize("host", [None, "", "127.0.0.1", "::1", "::ffff:127.0.0.1", "a name"])
def test_loopback_and_what_is_no_address_is_no_network(host: str | None) -> None:
    assert networks().name(host) is None


def test_a_name_tells_nothing_without_the_key_of_this_process() -> None:
    name = networks().name("192.0.2.1")
    assert name is not None
    assert len(name) == 8
    assert name != Networks(FloodLimits(), key=bytes(32)).name("192.0.2.1")


def test_one_network_cannot_take_more_than_its_share_and_gives_it_back() -> None:
    counted = networks(network_connections=3, network_logging_in=2)
    here, there = counted.name("192.0.2.1"), counted.name("198.51.100.1")
    assert counted.admit(here)
    assert counted.admit(here)
    assert not counted.admit(here)  # two have not logged in
    counted.logged_in(here)
    assert counted.admit(here)
    assert not counted.admit(here)  # three are open
    assert counted.admit(there)
    assert counted.admit(None)
    counted.gone(here, Standing.IN)
    counted.logged_in(here)
    assert counted.admit(here)
    for network, standing in ((here, Standing.LOGGING_IN), (here, Standing.IN), (here, Standing.LOGGING_IN)):
        counted.gone(network, standing)
    counted.gone(there, Standing.LOGGING_IN)
    counted.gone(None, Standing.LOGGING_IN)
    assert counted.counts == (0, 0)
    assert not counted._by_network


def test_all_streams_and_all_silent_ones_are_bounded() -> None:
    counted = networks(connections=3, logging_in=2)
    assert [counted.admit(None) for _ in range(3)] == [True, True, False]
    counted.logged_in(None)
    assert counted.admit(None)
    counted.logged_in(None)
    assert not counted.admit(None)


def test_networks_beyond_those_that_are_counted_are_served() -> None:
    counted = networks(networks=1, network_connections=1)
    assert counted.admit(counted.name("192.0.2.1"))
    other = counted.name("198.51.100.1")
    assert counted.admit(other)
    assert counted.admit(other)
    counted.gone(other, Standing.LOGGING_IN)
    assert len(counted._by_network) == 1
