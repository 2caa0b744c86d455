"""Unix sockets: for their owner only, and errors that say what to do."""

from pathlib import Path

import pytest

from sayso.carrier.adapters.unix_socket import bind_unix
from sayso.carrier.errors import CarrierConfigError


def test_a_socket_is_its_owners_and_replaces_one_left_behind(tmp_path: Path) -> None:
    path = tmp_path / "x.sock"
    for _ in range(2):
        with bind_unix(path):
            assert path.stat().st_mode & 0o777 == 0o600


def test_a_path_too_long_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(CarrierConfigError, match="shorter data directory"):
        bind_unix(tmp_path / ("x" * 108))


def test_a_place_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CarrierConfigError, match="cannot listen"):
        bind_unix(tmp_path / "nowhere" / "x.sock")
