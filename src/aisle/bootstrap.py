"""Settings become live objects here, and nowhere else."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from aisle.configuration import load_settings
from aisle.settings import Settings
from aisle.storage.database import Database
from aisle.storage.objects import Bucket, Objects


@dataclass(frozen=True)
class Application:
    """The live objects of one process, each made on first use."""

    settings: Settings

    @cached_property
    def database(self) -> Database:
        """The database, migrated to this version when it is the embedded one."""
        options = self.settings.database
        database = Database(
            options.url.get_secret_value(), pool_size=options.pool_size, connect_timeout_s=options.connect_timeout_s
        )
        # An embedded database is nobody else's: it follows the program. A server is migrated on purpose, and checked here.
        if database.is_postgresql:
            database.check()
        else:
            database.migrate()
        return database

    @cached_property
    def objects(self) -> Objects:
        """The object store."""
        options = self.settings.objects
        return Objects(
            options.url,
            region=options.region,
            access_key=options.access_key,
            secret_key=options.secret_key.get_secret_value() if options.secret_key else None,
            timeout_s=options.timeout_s,
        )

    @cached_property
    def images(self) -> Bucket:
        """The bucket of product images."""
        return self.objects.bucket(self.settings.objects.image_bucket)

    @cached_property
    def artifacts(self) -> Bucket:
        """The bucket of snapshots and bundles."""
        return self.objects.bucket(self.settings.objects.artifact_bucket)

    def close(self) -> None:
        """Close what was opened."""
        if "database" in self.__dict__:
            self.database.close()


def open_application(folder: Path | None = None) -> Application:
    """Read the settings and return the process's live objects."""
    return Application(load_settings(folder=folder))
