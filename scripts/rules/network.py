"""Nothing on the phone's side but the gate opens an IP socket, or lets a library open one.

Import rules cannot see `asyncio.open_connection`, since asyncio itself is needed; so names are looked at, called or
merely mentioned: a function that is handed on can be called elsewhere. A determined author gets around any such rule;
it is there against the convenient library call. The silence test counts packets.
"""

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

from scripts.rules.finding import Finding, called_name, dotted_name, imported_names

GATE = PurePosixPath("sayso/consent/gate.py")
WATCHED = ("sayso/phone/", "sayso/update/", "sayso/cli/update", "sayso/consent/", "sayso/protocol/")
# The web app of the phone listens on loopback; it connects to nothing.
LISTENERS = "sayso/phone/web/"

ASK_THE_GATE = "let the gate (sayso.consent.gate) open it, which asks for the consent record"
LISTEN_IN_WEB = "listen on a Unix path (start_unix_server); the web app alone listens on loopback, in sayso/phone/web"

# Modules that connect or resolve names, by themselves or for whoever imports them.
MODULES = (
    "aiohttp",
    "aiofastnet",
    "asyncpg",
    "cffi",
    "ctypes",
    "dbus",
    "dbus_fast",
    "dns",
    "ftplib",
    "http.client",
    "http.server",
    "httpx",
    "imaplib",
    "jeepney",
    "importlib.import_module",
    "nats",
    "poplib",
    "python_socks",
    "requests",
    "sdbus",
    "smtplib",
    "socket",
    "socketserver",
    "subprocess",
    "urllib.request",
    "urllib3",
    "webbrowser",
    "websockets",
    "xmlrpc",
)
OPENERS = frozenset(
    {
        # asyncio, its loop, and socket: by TCP, UDP, TLS or a name resolution
        "create_connection",
        "create_datagram_endpoint",
        "getaddrinfo",
        "gethostbyaddr",
        "gethostbyname",
        "gethostbyname_ex",
        "getnameinfo",
        "open_connection",
        "sock_connect",
        "sock_sendto",
        "start_tls",
        "wrap_socket",
        # a program of the system can do what we may not
        "create_subprocess_exec",
        "create_subprocess_shell",
        "subprocess_exec",
        "subprocess_shell",
        # httpcore's backends that open sockets themselves
        "AnyIOBackend",
        "AutoBackend",
        "SyncBackend",
        "TrioBackend",
        # python-tuf's own ways to the network
        "RequestsFetcher",
        "Urllib3Fetcher",
        # a hidden import
        "__import__",
        "import_module",
    }
)
LISTENING = frozenset({"create_server", "start_server", "ws_create_server"})
OS_STARTERS = ("os.system", "os.popen", "os.exec", "os.spawn", "os.posix_spawn")
# Calls that are fine once they are told to use the gate's connection: name -> the keyword that does it.
NEEDS_KEYWORD = {
    "ws_connect": "socket_factory",
    "AsyncConnectionPool": "network_backend",
    "AsyncHTTPProxy": "network_backend",
    "AsyncSOCKSProxy": "network_backend",
    "ConnectionPool": "network_backend",
    "HTTPProxy": "network_backend",
    "SOCKSProxy": "network_backend",
    "Updater": "fetcher",
}
# uvicorn listens; with `uds` on a Unix path.
LISTENS_UNLESS = {"uvicorn.Config": "uds", "uvicorn.run": "uds"}


def check(path: PurePosixPath, tree: ast.Module) -> Iterator[Finding]:
    """Find what could send a packet past the gate."""
    if path == GATE or not str(path).startswith(WATCHED):
        return
    may_listen = str(path).startswith(LISTENERS)
    for node in ast.walk(tree):
        match node:
            case ast.Import() | ast.ImportFrom():
                yield from _imports(path, node, may_listen=may_listen)
            case ast.Call():
                yield from _call(path, node, may_listen=may_listen)
            case ast.Name() | ast.Attribute():
                yield from _mention(path, node, may_listen=may_listen)
            case _:
                pass


def _finding(path: PurePosixPath, node: ast.stmt | ast.expr, name: str, wrong: str, instead: str) -> Finding:
    return Finding(path, node.lineno, "network", name, wrong, instead)


def _imports(path: PurePosixPath, node: ast.Import | ast.ImportFrom, *, may_listen: bool) -> Iterator[Finding]:
    for name in imported_names(node):
        if any(name == module or name.startswith(f"{module}.") for module in MODULES):
            yield _finding(path, node, name, f"'{name}' can reach the network", ASK_THE_GATE)
            return
    if isinstance(node, ast.ImportFrom):
        for alias in node.names:
            yield from _name(path, node, alias.name, may_listen=may_listen)


def _mention(path: PurePosixPath, node: ast.Name | ast.Attribute, *, may_listen: bool) -> Iterator[Finding]:
    name = node.id if isinstance(node, ast.Name) else node.attr
    yield from _name(path, node, name, may_listen=may_listen)
    dotted = dotted_name(node)
    if dotted is not None and dotted.startswith(OS_STARTERS):
        yield _finding(path, node, dotted, f"'{dotted}' starts a program that the gate does not see", ASK_THE_GATE)


def _name(path: PurePosixPath, node: ast.stmt | ast.expr, name: str, *, may_listen: bool) -> Iterator[Finding]:
    if name in OPENERS:
        yield _finding(path, node, name, f"'{name}' goes past the gate", ASK_THE_GATE)
    elif name in LISTENING and not may_listen:
        yield _finding(path, node, name, f"'{name}' listens on an IP address", LISTEN_IN_WEB)


def _call(path: PurePosixPath, node: ast.Call, *, may_listen: bool) -> Iterator[Finding]:
    name = called_name(node) or ""
    dotted = dotted_name(node.func) or ""
    given = {keyword.arg for keyword in node.keywords}
    keyword = NEEDS_KEYWORD.get(name)
    if keyword is not None and keyword not in given:
        yield _finding(
            path,
            node,
            name,
            f"'{name}' without '{keyword}=' opens its own socket",
            f"pass the gate's, as {keyword}=...",
        )
    if dotted in {"httpcore.request", "httpcore.stream"}:
        yield _finding(path, node, dotted, f"'{dotted}' opens its own socket", "use a pool with network_backend=...")
    unless = LISTENS_UNLESS.get(dotted)
    if unless is not None and unless not in given and not may_listen:
        yield _finding(path, node, dotted, f"'{dotted}' listens on an IP address", LISTEN_IN_WEB)
    match node:
        case ast.Call(func=ast.Name(id="getattr"), args=[_, ast.Constant(value=str(hidden)), *_]):
            yield from _name(path, node, hidden, may_listen=may_listen)
        case _:
            pass
