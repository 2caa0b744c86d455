"""Where a server may listen."""

import pytest

from sayso.server.core.addresses import Address, read_address, require_tls_or_loopback
from sayso.server.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8080", Address("127.0.0.1", 8080)),
        ("localhost:0", Address("localhost", 0)),
        ("[::1]:443", Address("::1", 443)),
        ("chat.example:65535", Address("chat.example", 65535)),
    ],
)
def test_an_address_is_read(text: str, address: Address) -> None:
    assert read_address(text, what="stream") == address


@pytest.mark.parametrize("text", ["", ":8080", "127.0.0.1", "127.0.0.1:", "a:65536", "a:-1", "a:٣", "a:80\n", "a:8O"])
def test_what_is_no_address_says_how_one_is_written(text: str) -> None:
    with pytest.raises(ConfigError, match="HOST:PORT"):
        read_address(text, what="stream")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_no_tls(host: str) -> None:
    require_tls_or_loopback(Address(host, 80), tls=False, what="stream")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "localhost.example", "127.0.0.1.example"])  # noqa: S104  refused
def test_anything_else_does(host: str) -> None:
    require_tls_or_loopback(Address(host, 80), tls=True, what="stream")
    with pytest.raises(ConfigError, match="--tls-cert"):
        require_tls_or_loopback(Address(host, 80), tls=False, what="stream")


def test_the_url_of_an_ipv6_address_has_brackets() -> None:
    assert Address("::1", 0).url("ws", 81, "/v1/stream") == "ws://[::1]:81/v1/stream"
    assert Address("127.0.0.1", 0).url("https", 443) == "https://127.0.0.1:443"
