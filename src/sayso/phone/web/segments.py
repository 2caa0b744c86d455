"""How many SMS a text is: what the composer needs of `core.sms.alphabet`."""

from typing import Protocol


class Segments(Protocol):
    """What a text is as SMS."""

    @property
    def parts(self) -> int:
        """How many SMS."""
        ...

    @property
    def left(self) -> int:
        """How many more signs the last part holds, of the kind that the text is written in."""
        ...


class SegmentCounter(Protocol):
    """Counts, with the alphabets of 3GPP TS 23.038."""

    def __call__(self, text: str) -> Segments:
        """Count the parts of a text."""
        ...
