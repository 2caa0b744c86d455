"""The allow-list of the logs, and every log call of the source held against it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.cli.log_fields import FIELDS, MOST, UNNAMED, Kind, fits, keep_allowed

ROOT = Path(__file__).resolve().parents[3]
SRC = ROOT / "src" / "sayso"
METHODS = {"debug", "info", "warning", "warn", "error", "critical", "exception", "msg", "log", "bind", "new"}


def log_calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call on a structlog logger: a module's name bound to `get_logger()`, or a local alias of its methods."""
    for file in sorted(SRC.rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        loggers = set(_bound_to_loggers(tree))
        aliases = set(_aliases(tree, loggers))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _on_logger(node.func, loggers, aliases):
                yield f"{file.relative_to(ROOT)}:{node.lineno}", node


def _bound_to_loggers(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and "get_logger" in ast.dump(node.value or node):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def _aliases(tree: ast.Module, loggers: set[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(
            isinstance(part, ast.Attribute) and _is_method(part, loggers) for part in ast.walk(node.value)
        ):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _is_method(func: ast.Attribute, loggers: set[str]) -> bool:
    return isinstance(func.value, ast.Name) and func.value.id in loggers and func.attr in METHODS


def _on_logger(func: ast.expr, loggers: set[str], aliases: set[str]) -> bool:
    if isinstance(func, ast.Name):
        return func.id in aliases
    return isinstance(func, ast.Attribute) and _is_method(func, loggers)


CALLS = list(log_calls())


def test_the_scan_finds_the_calls() -> None:
    assert len(CALLS) > 30
    assert any("smpp/sender.py" in place for place, _ in CALLS), "an alias of two methods"


@pytest.mark.parametrize(("place", "call"), CALLS, ids=[place for place, _ in CALLS])
def test_a_log_call_says_only_what_the_table_allows(place: str, call: ast.Call) -> None:
    (event,) = call.args
    assert isinstance(event, ast.Constant), f"{place}: an event's name is written out"
    assert fits(Kind.WORD, event.value), f"{place}: an event's name has no digits"
    if isinstance(call.func, ast.Attribute):
        assert call.func.attr not in {"exception", "bind", "new", "msg", "log"}, f"{place}: types of errors only"
    for keyword in call.keywords:
        name = keyword.arg or "**"
        assert name in FIELDS, f"{place}: {name} is not in the table"
        assert _may_fit(FIELDS[name], keyword.value), f"{place}: {keyword.arg} has another shape"


def _may_fit(kind: Kind, value: ast.expr) -> bool:
    """Whether an expression can fit: written out, counted, a type's name, or a name that is checked later."""
    match value:
        case ast.Constant():
            return fits(kind, value.value)
        case ast.Call(func=ast.Name(id="len" | "sum" | "int" | "round")):
            return kind is Kind.COUNT
        case ast.Compare() | ast.BoolOp():
            return kind is Kind.FLAG
        case ast.Attribute(attr="__name__"):
            return kind is Kind.WORD
        case ast.Name() | ast.Attribute():
            return True
        case _:
            return False  # f-strings, str(), repr(), slices, joins


def test_every_field_of_the_table_is_used() -> None:
    used = {keyword.arg for _, call in CALLS for keyword in call.keywords}
    assert set(FIELDS) == used | {"event", "dropped"}


SECRETS = [
    "+447700900123",
    "447700900123",
    "07700 900123",
    447700900123,
    7700900123,
    "192.0.2.1",
    "2001:db8::1",
    "http://127.0.0.1:8080",
    b"\x01" * 33,
    "AQEBAQEB+/==",
    "3f" * 32,
    "hello, Bob: it is 12",
    ["word"],
    {"word": 1},
    ValueError("+447700900123"),
    1.5,
    -1,
    None,
]


@pytest.mark.parametrize("name", sorted(FIELDS))
@pytest.mark.parametrize("secret", SECRETS, ids=[repr(secret)[:30] for secret in SECRETS])
def test_no_field_takes_a_number_an_address_or_a_key(name: str, secret: object) -> None:
    kept = keep_allowed(None, "info", {"event": "enrolled", name: secret})
    assert secret not in kept.values()
    assert kept["dropped"] == 1
    assert kept["event"] == (UNNAMED if name == "event" else "enrolled")


def test_what_fits_is_kept() -> None:
    said = {"event": "code not sent", "reason": "gateway", "error": "SmsNotTakenError", "count": MOST, "removed": False}
    assert keep_allowed(None, "info", dict(said)) == said


@given(st.text(max_size=100) | st.integers() | st.binary() | st.floats(), st.text(max_size=20))
def test_nothing_that_has_three_digits_in_a_row_is_kept_as_a_word(value: object, name: str) -> None:
    kept = keep_allowed(None, "info", {"event": "x", name: value, "reason": value, "exc_info": value})
    assert not any(isinstance(one, str) and any(c.isdigit() for c in one) for one in kept.values())
    assert "exc_info" not in kept
