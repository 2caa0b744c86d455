"""Finds the code in the registrar's SMS."""

import re
from typing import Final

from sayso.protocol.limits import LIMITS

_FORM: Final = re.compile(rf"[^0-9\n]{{1,64}} code: (?P<code>[0-9]{{{LIMITS.code_digits}}})", re.ASCII)


def code_in(text: str) -> str | None:
    """Return the code, or None.

    Only a text of exactly the registrar's form, ``<service> code: 123456``, is taken for one: another service's code
    must not leave the phone, and would use up a try.
    """
    found = _FORM.fullmatch(text.strip())
    return found["code"] if found else None
