"""The schema's history, as Alembic knows it. Imported when it is asked: a server's start takes a tenth longer with it."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from aisle.errors import DatabaseError


def revisions(connection: Connection, address: str) -> tuple[str | None, str]:
    """Return the revision that a database's schema is at, `None` before the first, and this version's own.

    Args:
        connection: A connection to it.
        address: Its address for people.

    Raises:
        DatabaseError: A newer version of aisle has migrated it.
    """
    scripts = ScriptDirectory.from_config(_config())
    head = scripts.get_current_head() or ""
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        raise DatabaseError(
            f"The schema of {address} is at {current}, which this version does not know.",
            hint="A newer aisle has migrated it: upgrade this one.",
        )
    return current, head


def upgrade(connection: Connection, address: str) -> str:
    """Bring a schema to this version's within the connection's transaction, and return its revision.

    Args:
        connection: A connection that nobody else migrates beside.
        address: The database's address for people.

    Raises:
        DatabaseError: A newer version of aisle has migrated it.
    """
    current, head = revisions(connection, address)
    if current != head:
        command.upgrade(_config(connection), "head")
    return head


def downgrade(connection: Connection, address: str, revision: str) -> None:
    """Take a schema back within the connection's transaction.

    Args:
        connection: A connection that nobody else migrates beside.
        address: The database's address for people.
        revision: Where to; `base` for none.

    Raises:
        DatabaseError: There is no such revision before its own.
    """
    try:
        command.downgrade(_config(connection), revision)
    except CommandError as error:
        raise DatabaseError(
            f"The schema of {address} cannot go back to {revision!r}: {error}.",
            hint="Name a revision of this version of aisle, or `base`.",
        ) from error


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    folder = str(Path(__file__).with_name("migrations"))
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
