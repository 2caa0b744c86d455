"""Bodies that a page sends to the phone: one kind of refusal for each route, and what is taken says the same again."""

import contextlib
from types import ModuleType
from typing import Final

import msgspec
from msgspec import Struct

from sayso.phone.web.routes import messages, people, session, settings, updates
from sayso.phone.web.screens import BadBodyError, Nothing, decode


def _bodies(module: ModuleType) -> list[type[Struct]]:
    found = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, Struct)]
    return [one for one in found if one.__module__ == module.__name__]


_ROUTES: Final = (messages, people, session, settings, updates)
KINDS: Final[list[type[Struct]]] = [Nothing, *(kind for module in _ROUTES for kind in _bodies(module))]


def fuzz_one(data: bytes) -> None:
    for kind in KINDS:
        with contextlib.suppress(BadBodyError):
            taken = decode(data, kind)
            if decode(msgspec.json.encode(taken), kind) != taken:
                raise AssertionError(f"{kind.__name__} is another one when it is read again")


def seeds() -> list[bytes]:
    line, digits, number = "0f" * 16, "123456", "+447700900101"
    bodies: list[dict[str, object]] = [
        {},
        {"text": "hello \u2764\ufe0f", "line": line},
        {"text": ""},
        {"to": number, "line": None},
        {"line": line},
        {"words": "lemon cake"},
        {"in_doubt": True},
        {"before": 1e9},
        {"number": number, "name": "Ben"},
        {"number": number},
        {"name": "work"},
        {"file": "BEGIN:VCARD\nFN:Ben\nTEL:+447700900101\nEND:VCARD"},
        {"code": digits},
        {"code": "0f" * 32},
        {"pin": digits},
        {"findable": "nobody"},
        {"policy_sha256": "0f" * 32},
        {
            "server": "https://chat.example",
            "server_key": "0f" * 32,
            "findable": "everyone",
            "policy_sha256": "0f" * 32,
            "agreed": True,
            "number": number,
        },
        {"undelivered": "after", "unreachable": "ask", "undelivered_after_min": "5", "unreachable_after_min": "90"},
        {"same": True},
        {"on": True},
    ]
    return [msgspec.json.encode(body) for body in bodies]
