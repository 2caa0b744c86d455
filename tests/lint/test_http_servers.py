"""Every HTTP server of ours is made so that it logs nothing of a request and believes nothing that a proxy tells.

uvicorn believes `X-Forwarded-For` from loopback unless it is told not to, and lets an environment variable say from
whom else: the address that an application sees would be whatever a client wrote there.
"""

import ast
from collections.abc import Iterator
from typing import Final

from scripts.groups import ROOT

REQUIRED: Final = {"log_config": None, "access_log": False, "proxy_headers": False, "server_header": False}


def made(source: str) -> Iterator[ast.Call]:
    """Where a configuration of uvicorn is made."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"uvicorn.Config", "uvicorn.run"}:
            yield node


def missing(call: ast.Call) -> set[str]:
    """Return what a call leaves to the library."""
    given = {one.arg: one.value for one in call.keywords}
    return {
        name
        for name, value in REQUIRED.items()
        if not (isinstance(one := given.get(name), ast.Constant) and one.value is value)
    }


def test_each_server_says_so() -> None:
    found = [
        (file.relative_to(ROOT).as_posix(), call.lineno, missing(call))
        for file in sorted((ROOT / "src").rglob("*.py"))
        for call in made(file.read_text(encoding="utf-8"))
    ]
    assert len(found) >= 3, "the control plane, the metrics and the web app"
    assert [one for one in found if one[2]] == []


def test_one_that_does_not_is_found() -> None:
    [call] = made("uvicorn.Config(app, log_config=None, access_log=False, proxy_headers=True)")
    assert missing(call) == {"proxy_headers", "server_header"}
    assert list(made("Config(app)")) == []
