"""Errors of the demo.

SaysoError
└── DemoError    a part did not start, or a step did not come out as it should
"""

from sayso.protocol.errors import SaysoError


class DemoError(SaysoError):
    """A part did not start, or a step did not come out as it should."""
