"""A PostgreSQL of our own in a temporary directory: Debian's server, as another user than root, on a Unix socket."""

import atexit
import contextlib
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

from tests.accounting import not_tested

_schemas = itertools.count(1)


def binaries_found() -> list[Path]:
    """Return where PostgreSQL's programs are, the newest release last; nowhere, if it is not installed."""
    return [initdb.parent for initdb in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))]


def binaries() -> Path:
    """Return where PostgreSQL's programs are."""
    found = binaries_found()
    if not found:
        not_tested("PostgreSQL is not installed (apt-get install postgresql)")
    return found[-1]


class PostgresServer:
    """One server; `start` and `stop` it as often as needed."""

    def __init__(
        self, directory: Path | None = None, *, listen: str = "", port: int = 5432, settings: str = ""
    ) -> None:
        """Make the cluster.

        Args:
            directory: for its files; one in memory by default.
            listen: an address to listen on beside the socket.
            port: for both.
            settings: lines for its configuration.
        """
        shm = Path("/dev/shm")  # noqa: S108  a directory of our own is made in it
        parent = shm if shm.is_dir() and directory is None else None
        self.directory = directory or Path(tempfile.mkdtemp(prefix="sayso-pg-", dir=parent))
        self.port = port
        self._user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self.directory.chmod(0o755)
        self.data = self.directory / "data"
        self.data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            entry = pwd.getpwnam(self._user)
            os.chown(self.data, entry.pw_uid, entry.pw_gid)
            os.chown(self.directory, entry.pw_uid, entry.pw_gid)
        self._run("initdb", "-D", str(self.data), "-A", "trust", "-U", "sayso", "-E", "UTF8", "--no-sync")
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.write(
                f"listen_addresses = '{listen}'\nport = {port}\nunix_socket_directories = '{self.directory}'\n"
                f"max_connections = 200\nlog_statement = 'none'\n{settings}"
            )
        if listen:
            with (self.data / "pg_hba.conf").open("a") as hba:
                hba.write("host all all all trust\n")

    @property
    def url(self) -> str:
        """Where tests on this machine connect."""
        return f"postgresql://sayso@/postgres?host={self.directory}&port={self.port}"

    @property
    def pid(self) -> int:
        """Of the process above all others, while it runs."""
        return int((self.data / "postmaster.pid").read_text("ascii").split()[0])

    def start(self, *, prefix: tuple[str, ...] = ()) -> None:
        """Start it, and wait until it takes connections."""
        self._run(
            "pg_ctl", "-D", str(self.data), "-w", "-t", "60", "-l", str(self.directory / "log"), "start", prefix=prefix
        )

    def stop(self, mode: str = "fast") -> None:
        """Stop it: `fast`, or `immediate` as if it had crashed."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "-m", mode, "stop")

    def remove(self) -> None:
        """Stop it and delete its files."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self.stop("immediate")
        shutil.rmtree(self.directory, ignore_errors=True)

    def new_schema(self) -> str:
        """Make an empty schema and return a URL that leads into it."""
        name = f"test_{os.getpid()}_{next(_schemas)}"
        self.sql(f"CREATE SCHEMA {name}")
        return f"{self.url}&search_path={name}"

    def emptied_schema(self, kind: str) -> str:
        """Return a URL into this process's one schema of a kind, emptied: to make its tables anew would take longer."""
        name = f"test_{os.getpid()}_{kind}"
        self.sql(
            f"CREATE SCHEMA IF NOT EXISTS {name}; DO $$ DECLARE tables text; BEGIN"  # noqa: S608  a name of ours
            f" SELECT string_agg(format('{name}.%I', tablename), ',') INTO tables FROM pg_tables"
            f" WHERE schemaname = '{name}' AND tablename NOT IN ('alembic_version', 'sayso_schema', 'rewrapped');"
            " IF tables IS NOT NULL THEN EXECUTE 'TRUNCATE ' || tables; END IF; END $$"
        )
        return f"{self.url}&search_path={name}"

    def sql(self, statement: str) -> str:
        """Run a statement as the superuser."""
        done = subprocess.run(
            [
                *(binaries() / "psql", "-h", self.directory, "-p", str(self.port), "-U", "sayso", "-d", "postgres"),
                *("-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement),
            ],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PGOPTIONS": "-c client_min_messages=warning"},
        )
        return done.stdout.strip()

    def refuses(self, statement: str) -> bool:
        """Run a statement as the superuser; whether it failed."""
        try:
            self.sql(statement)
        except subprocess.CalledProcessError:
            return True
        return False

    def _run(self, program: str, *arguments: str, prefix: tuple[str, ...] = ()) -> None:
        as_user = ("runuser", "-u", self._user, "--") if os.geteuid() == 0 else ()
        subprocess.run(
            [*prefix, *as_user, binaries() / program, *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": "/usr/bin:/bin:/usr/sbin", "LC_ALL": "C.UTF-8"},
        )


@lru_cache(maxsize=1)
def shared_server() -> PostgresServer:
    """Return the one server of this test process; it ends with it."""
    server = PostgresServer()
    atexit.register(server.remove)
    server.start()
    return server
