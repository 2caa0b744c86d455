"""Our own lint rules: each with what it must catch and what it must let pass."""

from pathlib import Path

import pytest

from scripts.check_gate import ALLOWED, SRC, check_source, check_tree

PHONE = "sayso/phone/adapters/stream.py"

# Every way past the gate that a library makes convenient. Each line alone must be caught.
PAST_THE_GATE = [
    "import socket",
    "import socket as harmless",
    "from socket import create_connection",
    "from socket import socket as s",
    "import urllib.request",
    "from urllib import request",
    "from urllib.request import urlopen",
    "import http.client",
    "from http import client",
    "import requests",
    "import httpx",
    "import aiohttp",
    "import websockets.sync.client",
    "import subprocess",
    "from subprocess import run",
    "import ctypes",
    "from dbus_fast.aio import MessageBus",
    "import sdbus",
    "async def f(): await asyncio.open_connection('h', 1)",
    "async def f(): await asyncio.open_connection(host='h', port=1, ssl=context)",
    "from asyncio import open_connection as oc",
    "opener = asyncio.open_connection",
    "opener = partial(asyncio.open_connection, 'h')",
    "opener = getattr(asyncio, 'open_connection')",
    "async def f(loop): await loop.create_connection(P, 'h', 1)",
    "async def f(loop): await loop.create_datagram_endpoint(P)",
    "async def f(loop): await loop.sock_connect(s, ('h', 1))",
    "async def f(loop): await loop.getaddrinfo('h', 1)",
    "async def f(loop): await loop.start_tls(t, p, c)",
    "def f(context): return context.wrap_socket(s)",
    "async def f(): await asyncio.create_subprocess_exec('ping', 'h')",
    "async def f(): await asyncio.create_subprocess_shell('ping h')",
    "os.system('ping h')",
    "os.popen('ping h')",
    "os.execvp('ping', ['ping'])",
    "os.posix_spawn('/bin/ping', [], {})",
    "module = __import__('socket')",
    "module = importlib.import_module('socket')",
    "from importlib import import_module",
    "async def f(): await ws_connect(factory, 'ws://h')",
    "async def f(): await picows.ws_connect(factory, 'ws://h', ssl_context=c)",
    "pool = httpcore.AsyncConnectionPool()",
    "pool = httpcore.AsyncConnectionPool(http2=True)",
    "pool = httpcore.AsyncConnectionPool(network_backend=httpcore.AnyIOBackend())",
    "answer = httpcore.request('GET', 'http://h')",
    "updater = Updater(folder, 'http://h', bootstrap=root)",
    "fetcher = tuf.ngclient.Urllib3Fetcher()",
    "from tuf.ngclient import RequestsFetcher",
    "async def f(): await asyncio.start_server(handler, '0.0.0.0', 1)",
    "async def f(loop): await loop.create_server(P, '0.0.0.0', 1)",
    "async def f(): await ws_create_server(factory, '0.0.0.0', 1)",
    "uvicorn.run(app, host='0.0.0.0')",
    "config = uvicorn.Config(app)",
]
FINE = [
    "import asyncio",
    "import ssl",
    "import http",
    "from http import HTTPStatus",
    "from urllib.parse import urlsplit",
    "async def f(): await asyncio.open_unix_connection('p')",
    "async def f(): await asyncio.start_unix_server(handler, 'p')",
    "async def f(loop): await loop.create_unix_connection(P, 'p')",
    "async def f(loop): await loop.create_unix_server(P, 'p')",
    "async def f(gate): await gate.connect('h', 1, purpose='stream')",
    "async def f(): await ws_connect(factory, 'ws://h', socket_factory=gate.socket)",
    "pool = httpcore.AsyncConnectionPool(network_backend=backend)",
    "config = uvicorn.Config(app, uds='p')",
    "updater = Updater(folder, 'http://h', fetcher=fetcher, bootstrap=root)",
    "db.connect('file')",
    "os.environ.get('HOME')",
]


@pytest.mark.parametrize("source", PAST_THE_GATE)
@pytest.mark.parametrize(
    "path",
    [
        PHONE,
        "sayso/phone/app.py",
        "sayso/consent/records.py",
        "sayso/protocol/frames.py",
        "sayso/update/adapters/gate_fetcher.py",
        "sayso/cli/update_tuf.py",
    ],
)
def test_a_way_past_the_gate_is_found(path: str, source: str) -> None:
    assert {finding.rule for finding in check_source(path, source)} >= {"network"}


@pytest.mark.parametrize("source", FINE)
def test_what_cannot_leave_the_machine_is_let_pass(source: str) -> None:
    assert check_source(PHONE, source) == []


@pytest.mark.parametrize("path", ["sayso/consent/gate.py", "sayso/server/adapters/stream.py", "sayso/carrier/app.py"])
def test_the_gate_and_the_parts_that_are_no_phone_may_connect(path: str) -> None:
    source = "import socket\nasync def f(): await asyncio.open_connection('h', 1)\n"
    assert check_source(path, source) == []


def test_the_phones_web_app_may_listen_but_not_connect() -> None:
    web = "sayso/phone/web/app.py"
    assert check_source(web, "config = uvicorn.Config(app)") == []
    assert check_source(web, "async def f(): await asyncio.start_server(handler, '127.0.0.1', 1)") == []
    assert check_source(web, "async def f(): await asyncio.open_connection('h', 1)") != []
    assert check_source(web, "import socket") != []


def test_a_file_that_only_looks_like_the_gate_is_no_gate() -> None:
    for path in ("sayso/phone/gate.py", "sayso/phone/consent/gate.py", "sayso/consent/gate/__init__.py"):
        assert check_source(path, "import socket") != []


BARE_TASKS = [
    "task = asyncio.create_task(work())",
    "task = asyncio.ensure_future(work())",
    "from asyncio import create_task",
    "from asyncio import ensure_future as later",
    "loop.create_task(work())",
    "asyncio.get_running_loop().create_task(work())",
    "self.tasks.create_task(work())",
    "def f(tasks: list[int]): tasks.create_task(work())",
]
HELD_TASKS = [
    "async def f():\n  async with asyncio.TaskGroup() as tasks:\n    tasks.create_task(work())",
    "async def f():\n  async with TaskGroup() as tasks, other():\n    tasks.create_task(work())",
    "def f(tasks: asyncio.TaskGroup): tasks.create_task(work())",
    "def f(tasks: 'TaskGroup | None'): tasks.create_task(work())",
    "class A:\n  tasks: TaskGroup\n  def f(self): self.tasks.create_task(work())",
    "class A:\n  def __init__(self, g: TaskGroup): self._g = g\n  def f(self): self._g.create_task(work())",
    "class A:\n  def __init__(self): self._g = asyncio.TaskGroup()\n  def f(self): self._g.create_task(work())",
]


@pytest.mark.parametrize("source", BARE_TASKS)
def test_a_bare_task_is_found(source: str) -> None:
    assert [finding.rule for finding in check_source("sayso/server/app.py", source)] == ["tasks"]


@pytest.mark.parametrize("source", HELD_TASKS)
def test_a_task_of_a_group_is_let_pass(source: str) -> None:
    assert check_source("sayso/server/app.py", source) == []


@pytest.mark.parametrize(
    "source",
    ["print('x')", "sys.exit(1)", "exit(1)", "quit()", "os._exit(1)", "raise SystemExit", "raise SystemExit(1)"],
)
def test_only_cli_prints_and_exits(source: str) -> None:
    assert [finding.rule for finding in check_source("sayso/demo/app.py", source)] == ["output"]
    assert check_source("sayso/cli/main.py", source) == []


@pytest.mark.parametrize(
    "source",
    [
        "def f():\n  import json",
        "async def f():\n  from json import dumps",
        "class A:\n  def f(self):\n    if x:\n      import json",
        "def f():\n  try:\n    import json\n  except ValueError:\n    pass",
        "def f():\n  try:\n    pass\n  except ImportError:\n    import json",
    ],
)
def test_an_import_inside_a_function_is_found(source: str) -> None:
    assert [finding.rule for finding in check_source("sayso/server/app.py", source)] == ["imports"]


@pytest.mark.parametrize(
    "source",
    [
        "import json",
        "try:\n  import x\nexcept ImportError:\n  x = None",
        "def f():\n  try:\n    import x\n  except ImportError as error:\n    raise Missing from error",
        "def f():\n  try:\n    from x import y\n  except (ModuleNotFoundError, OSError):\n    return None",
    ],
)
def test_imports_at_the_top_and_tried_extras_are_let_pass(source: str) -> None:
    assert check_source("sayso/server/app.py", source) == []


@pytest.mark.parametrize(
    "source",
    ["datetime.now(UTC)", "datetime.datetime.utcnow()", "date.today()", "open('f')", "uuid.uuid4()", "os.urandom(8)"],
)
def test_a_pure_layer_does_not_look_at_the_world(source: str) -> None:
    for path in ("sayso/protocol/ids.py", "sayso/server/core/relay.py", "sayso/phone/core/outbox/machine.py"):
        assert [finding.rule for finding in check_source(path, source)] == ["purity"]
    assert check_source("sayso/server/adapters/clock.py", source) == []


@pytest.mark.parametrize(
    "source", ["import random", "from random import randrange", "from random import Random, choice", "Random(1)"]
)
def test_a_core_makes_no_randomness(source: str) -> None:
    assert [finding.rule for finding in check_source("sayso/carrier/core/network.py", source)] == ["purity"]


def test_a_core_may_be_handed_a_seeded_random() -> None:
    source = "from random import Random\ndef f(random: Random) -> int: return random.randrange(10)\n"
    assert check_source("sayso/carrier/core/network.py", source) == []


def test_a_finding_says_where_what_and_what_to_do_instead(tmp_path: Path) -> None:
    bad = tmp_path / "sayso" / "phone" / "app.py"
    bad.parent.mkdir(parents=True)
    bad.write_text("import asyncio\n\nimport socket\n", encoding="utf-8")
    (found,) = check_tree(tmp_path, {})
    assert found == (
        "src/sayso/phone/app.py:3: network: 'socket' can reach the network. "
        "Instead: let the gate (sayso.consent.gate) open it, which asks for the consent record."
    )


def test_an_excuse_covers_one_name_in_one_file_and_must_be_used(tmp_path: Path) -> None:
    bad = tmp_path / "sayso" / "phone" / "app.py"
    bad.parent.mkdir(parents=True)
    bad.write_text("import socket\nimport subprocess\n", encoding="utf-8")
    excused = list(check_tree(tmp_path, {"sayso/phone/app.py": {"socket": "a reason", "httpx": "no longer there"}}))
    assert len(excused) == 2
    assert "subprocess" in excused[0]
    assert "'httpx' in src/sayso/phone/app.py excuses nothing" in excused[1]


def test_the_source_keeps_the_rules_and_each_excuse_has_a_reason() -> None:
    assert list(check_tree(SRC, ALLOWED)) == []
    assert all(len(reason) > 10 for names in ALLOWED.values() for reason in names.values())
