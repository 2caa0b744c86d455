"""What the composer says before the first key is pressed."""

import pytest

from sayso.phone.command_types import NextRoute
from sayso.phone.web.channel import Expected, expected


def route(channel: str, *, certain: bool = True, goes_now: bool = True, reason: str | None = None) -> NextRoute:
    """What the phone says."""
    return NextRoute(
        number="+447700900102",
        line="sim1",
        channel="sms" if channel == "sms" else "cloud",
        certain=certain,
        goes_now=goes_now,
        reason=reason,
        sentence="",
    )


@pytest.mark.parametrize(
    ("way", "likely", "word"),
    [
        (None, True, Expected.SMS),
        (route("sms"), True, Expected.SMS),
        (route("cloud"), False, Expected.CLOUD),
        (route("cloud", certain=False), False, Expected.EITHER),
        (route("cloud", certain=False), True, Expected.CLOUD),
        (route("cloud", goes_now=False, reason="no-connection"), True, Expected.WAITS),
        (route("cloud", goes_now=False, reason="ask"), True, Expected.ASKS),
        (route("cloud", goes_now=False, reason="never-sms"), False, Expected.ASKS),
    ],
)
def test_a_word_for_each_way(way: NextRoute | None, likely: bool, word: Expected) -> None:  # noqa: FBT001  a column
    assert expected(way, likely=likely) is word
