"""The database: connections, transactions and migrations, the same on SQLite and PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft

from aisle.errors import DatabaseError
from aisle.storage.migrations import HEAD

_MIGRATION_LOCK = 0x6169736C65
"""Key of PostgreSQL's advisory lock under which one process at a time migrates ("aisle" in ASCII)."""


class Database:
    """A database that is opened on first use and knows how to migrate itself.

    Args:
        url: `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/NAME`.
        pool_size: Connections kept open.
        connect_timeout_s: Seconds to wait for a connection, or in SQLite for another writer.

    Raises:
        DatabaseError: The address is not one of those two, or its password would be shown.
    """

    def __init__(self, url: str, *, pool_size: int = 5, connect_timeout_s: float = 10.0) -> None:
        self._url = _parsed(url)
        self._timeout = connect_timeout_s
        self._pool_size = pool_size
        self._engine: Engine | None = None
        self._opening = Lock()

    @property
    def is_postgresql(self) -> bool:
        """Whether this is PostgreSQL rather than SQLite."""
        return self._url.get_backend_name() == "postgresql"

    @property
    def address(self) -> str:
        """The address for people, without its password."""
        return self._url.render_as_string(hide_password=True)

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's engine, created on first use.

        Raises:
            DatabaseError: The folder of an SQLite file cannot be made.
        """
        with self._opening:
            if self._engine is None:
                self._engine = self._create_engine()
            return self._engine

    @contextmanager
    def transaction(self, *, relaxed: bool = False) -> Iterator[Connection]:
        """Open a transaction that writes: committed at the end, rolled back on any error.

        Args:
            relaxed: Whether the commit may return before the server's disk has it. Only a crash of the server can take it
                back then, whole, and it is there for good as soon as a later transaction that is not relaxed ends.

        Raises:
            DatabaseError: The database cannot be reached, goes away, or stays locked by another writer.
        """
        with self._connect() as connection, connection.begin():
            if not self.is_postgresql:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            elif relaxed:
                connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that only reads, and sees one state of the database throughout.

        Raises:
            DatabaseError: The database cannot be reached, or goes away.
        """
        with self._connect() as connection:
            if self.is_postgresql:
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                if not self.is_postgresql:
                    connection.exec_driver_sql("BEGIN")
                yield connection

    def migrate(self) -> str:
        """Bring the schema to this version's, and return its revision; processes that race wait for one another.

        Raises:
            DatabaseError: The database cannot be reached, a newer version of aisle has migrated it, or something in it is in
                the way; the schema is then as it was.
        """
        from aisle.storage.history import upgrade

        with self._connect() as connection, connection.begin():
            if self.is_postgresql:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            else:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                return upgrade(connection, self.address)
            except DBAPIError as error:
                raise DatabaseError(
                    f"The schema of {self.address} stays at its revision: {_reason(error)}.",
                    hint="Move what is in its way, and run `aisle database migrate` again; nothing was changed.",
                ) from error

    def revert(self, revision: str) -> None:
        """Take the schema back to an earlier revision (`base` for none); what the later ones added is lost.

        Raises:
            DatabaseError: The database cannot be reached, or there is no such revision before its own.
        """
        from aisle.storage.history import downgrade

        with self.transaction() as connection:
            downgrade(connection, self.address, revision)

    def check(self) -> None:
        """Make sure that the database answers and that its schema is this version's.

        Raises:
            DatabaseError: It does not answer, or the schema is older or newer.
        """
        with self.reading() as connection:
            if _stored_revision(connection) == HEAD:
                return
            from aisle.storage.history import revisions

            current, head = revisions(connection, self.address)
        if current != head:
            raise DatabaseError(
                f"The schema of {self.address} is at {current or 'nothing'}, this version needs {head}.",
                hint="Run `aisle database migrate`.",
            )

    def revision(self) -> str:
        """Return the revision that the schema is at; empty where nothing was ever migrated.

        Raises:
            DatabaseError: The database cannot be reached, or a newer version of aisle has migrated it.
        """
        from aisle.storage.history import revisions

        with self.reading() as connection:
            return revisions(connection, self.address)[0] or ""

    def server_version(self) -> str:
        """Return the version of the database's own program, as it tells it.

        Raises:
            DatabaseError: The database cannot be reached.
        """
        with self.reading() as connection:
            return str(
                connection.execute(text("SHOW server_version" if self.is_postgresql else "SELECT sqlite_version()")).scalar()
            )

    def close(self) -> None:
        """Close every connection."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        try:
            with self.engine.connect() as connection:
                yield connection
        except NoConnectionLeft as error:
            raise DatabaseError(
                f"All {self._pool_size} connections to {self.address} stayed in use for {self._timeout:g} s.",
                hint="Raise AISLE_DATABASE_POOL_SIZE.",
            ) from error
        except (DataError, IntegrityError, ProgrammingError):
            raise  # about the statement, not the database: whoever wrote it knows what it means
        except DBAPIError as error:
            raise DatabaseError(
                f"The database {self.address} cannot be used: {_reason(error)}.",
                hint="Check AISLE_DATABASE_URL, and that the server runs."
                if self.is_postgresql
                else "Check AISLE_DATABASE_URL, that the file may be written, and that nobody else keeps writing to it.",
            ) from error

    def _create_engine(self) -> Engine:
        if self.is_postgresql:
            return create_engine(
                self._url.set(drivername="postgresql+psycopg"),
                pool_size=self._pool_size,
                pool_timeout=self._timeout,
                pool_pre_ping=True,
                connect_args={"connect_timeout": max(2, round(self._timeout))},
            )
        folder = Path(self._url.database or "").parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseError(f"The folder {folder} of the database cannot be made: {error.strerror}.") from error
        engine = create_engine(self._url, connect_args={"timeout": self._timeout})
        event.listen(engine, "connect", _prepare_sqlite)
        return engine


def _reason(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0].rstrip(".")


def _stored_revision(connection: Connection) -> str | None:
    """Return the revision that Alembic noted, without asking it what that means."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # the second is a port that is no number
        parsed = None
    if parsed is None or parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        raise DatabaseError(
            "AISLE_DATABASE_URL is neither an SQLite nor a PostgreSQL address.",
            hint="Write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME.",
        )
    if parsed.get_backend_name() == "sqlite":
        if parsed.database in {None, "", ":memory:"}:
            raise DatabaseError(
                "AISLE_DATABASE_URL names no file, and memory is not shared among threads.", hint="Write sqlite:///FILE."
            )
    elif "@" in f"{parsed.host}{parsed.database}" or any("password" in name for name in parsed.query):
        # Either would put a part of the password where `address` shows it.
        raise DatabaseError(
            "AISLE_DATABASE_URL has its password in the wrong place.",
            hint="Write postgresql://USER:PASSWORD@HOST/NAME, with %40 for @ in the password.",
        )
    return parsed


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by us, never by the driver
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()
