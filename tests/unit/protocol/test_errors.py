"""The tree of errors is the one drawn at the top of the module."""

import inspect
import re

from sayso.protocol import errors


def test_every_error_stands_in_the_drawing_below_its_base() -> None:
    drawing = errors.__doc__ or ""
    indents = {found[2]: len(found[1]) for found in re.finditer(r"^([ │├└─]*)(\w+Error)\b", drawing, re.MULTILINE)}
    classes = {
        name: one for name, one in inspect.getmembers(errors, inspect.isclass) if one.__module__ == errors.__name__
    }
    assert set(indents) == set(classes)
    for name, one in classes.items():
        base = one.__base__
        assert base is not None
        assert indents[name] == (0 if base is Exception else indents[base.__name__] + 4)


def test_everything_from_outside_that_does_not_fit_is_one_family() -> None:
    leaves = [one for _, one in inspect.getmembers(errors, inspect.isclass) if one.__name__ != "SaysoError"]
    assert all(issubclass(one, errors.ProtocolError) for one in leaves)
