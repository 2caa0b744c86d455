"""Versions of releases."""

import pytest

from sayso.update.core.versions import Version, read_version
from sayso.update.errors import ReleaseError


def test_versions_are_compared_as_numbers() -> None:
    assert read_version("1.10.0") > read_version("1.9.9")
    assert str(Version(1, 2, 3)) == "1.2.3"


@pytest.mark.parametrize(
    "text", ["1.0", "1.0.0.0", "01.0.0", "1.0.0\n", "1.0.-1", "\u0661.0.0", "", "1.0.0rc1", "9999999.0.0"]
)
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(ReleaseError):
        read_version(text)
