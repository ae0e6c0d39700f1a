"""A real PostgreSQL, with a database for each who asks."""

import os
import secrets
import shutil
import signal
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from tests.servers.process import ServerProcess, free_port, run

_USER = "aisle"


class PostgresServer:
    """A PostgreSQL server on loopback with a password; use it as a context manager.

    Its default collation is French, not bytewise: code that leans on the server's locale is found out.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.password = secrets.token_hex(12)
        # The server refuses to run as root.
        self._account = "postgres" if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="aisle-postgres-", dir=_reachable_folder()))
        self._process: ServerProcess | None = None

    @staticmethod
    def available() -> str | None:
        """Return why there can be no server here, or None if there can."""
        return None if _programs() else "PostgreSQL is not installed (Debian: postgresql-15)"

    def __enter__(self) -> Self:
        programs = _programs()
        if programs is None:
            raise RuntimeError(self.available())
        secret = self._folder / "password"
        secret.write_text(self.password)
        if self._account:
            shutil.chown(self._folder, self._account, self._account)
            shutil.chown(secret, self._account, self._account)
        data = self._folder / "data"
        run(
            [
                *(programs / "initdb", "--pgdata", data, "--username", _USER, "--pwfile", secret, "--auth", "scram-sha-256"),
                *("--encoding", "UTF8", "--locale", "C.UTF-8", "--locale-provider", "icu", "--icu-locale", "fr-FR"),
                "--no-sync",
            ],
            user=self._account,
        )
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off", "max_connections": "200"}
        self._process = ServerProcess(
            [
                *(programs / "postgres", "-D", data, "-p", str(self.port)),
                *(part for name, value in options.items() for part in ("-c", f"{name}={value}")),
            ],
            log=self._folder / "log",
            user=self._account,
            stop_signal=signal.SIGINT,
        )
        try:
            self._process.wait_ready(self._answers, seconds=30)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process is not None:
            self._process.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, name: str) -> str:
        """Return the address of a database, with the password."""
        return f"postgresql://{_USER}:{self.password}@127.0.0.1:{self.port}/{name}"

    def create(self, prefix: str = "test") -> str:
        """Make an empty database and return its address."""
        name = f"{prefix}_{secrets.token_hex(4)}"
        self.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is connected to it."""
        name = url.rpartition("/")[2]
        self.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def refuse(self, url: str) -> None:
        """Take a database away: whoever is connected to it is cut off, and nobody gets in until `accept`."""
        name = url.rpartition("/")[2]
        self.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
        self.execute(
            sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}").format(sql.Literal(name))
        )

    def accept(self, url: str) -> None:
        """Give a database back."""
        name = sql.Identifier(url.rpartition("/")[2])
        self.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))

    def execute(self, statement: sql.Composed) -> None:
        """Run a statement on the server's own database, outside a transaction."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


def _programs() -> Path | None:
    """Return the newest version's folder of programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def _reachable_folder() -> Path:
    """Return a folder for temporary files that another account can enter."""
    for folder in (Path(tempfile.gettempdir()).resolve(), Path("/tmp"), Path("/var/tmp")):
        if all(part.stat().st_mode & 0o001 for part in (folder, *folder.parents)):
            return folder
    raise RuntimeError("no temporary folder here can be entered by another account")
