"""Settings become live objects here, and nowhere else."""

import shutil
import subprocess
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from aisle.configuration import load_settings
from aisle.errors import RegistryError, SettingsError, VersionNotFound
from aisle.settings import Serving, Settings, variable
from aisle.storage.database import Database
from aisle.storage.objects import Bucket, Objects
from aisle.telemetry import Telemetry, configure_logging

if TYPE_CHECKING:
    from aisle.monitoring.exporter import Exporter
    from aisle.monitoring.feedback import FeedbackBook
    from aisle.monitoring.monitor import Monitor
    from aisle.monitoring.policy import Policy
    from aisle.monitoring.prediction_log import PredictionLog
    from aisle.monitoring.requests import RetrainRequests
    from aisle.pipeline.context import Context, Report
    from aisle.registry.keys import ApiKeys
    from aisle.registry.ledger import Ledger
    from aisle.registry.mlflow import Tracking
    from aisle.review.desk import ReviewDesk
    from aisle.review.figures import ReviewBook
    from aisle.serving.console_records import ConsoleRecords
    from aisle.serving.ledger_source import LedgerSource
    from aisle.serving.records import Records


@dataclass(frozen=True)
class Application:
    """The live objects of one process, each made on first use; rooms that are heavy to import are imported then too."""

    settings: Settings

    @cached_property
    def unchecked_database(self) -> Database:
        """The database as it is, whatever its schema."""
        options = self.settings.database
        return Database(
            options.url.get_secret_value(), pool_size=options.pool_size, connect_timeout_s=options.connect_timeout_s
        )

    @cached_property
    def database(self) -> Database:
        """The database, migrated to this version when it is the embedded one."""
        # An embedded database is nobody else's: it follows the program. A server is migrated on purpose, and checked here.
        if self.unchecked_database.is_postgresql:
            self.unchecked_database.check()
        else:
            self.unchecked_database.migrate()
        return self.unchecked_database

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

    @cached_property
    def ledger(self) -> "Ledger":
        """The promotion ledger."""
        from aisle.registry.ledger import Ledger

        return Ledger(self.database)

    @cached_property
    def keys(self) -> "ApiKeys":
        """The API keys."""
        from aisle.registry.keys import ApiKeys

        return ApiKeys(self.database)

    @cached_property
    def prediction_log(self) -> "PredictionLog":
        """What servers answered."""
        from aisle.monitoring.prediction_log import PredictionLog

        return PredictionLog(self.database)

    @cached_property
    def feedback(self) -> "FeedbackBook":
        """What people say is right."""
        from aisle.monitoring.feedback import FeedbackBook

        return FeedbackBook(self.database)

    def policy(self, file: Path | None = None) -> "Policy":
        """Read the policy of monitoring: a file's, else the one that is set, else the default."""
        from aisle.monitoring.policy import read_policy

        named = self.settings.monitoring.policy
        return read_policy(file or (Path(named) if named else None))

    @cached_property
    def requests(self) -> "RetrainRequests":
        """The retrainings that were asked for of the configured model."""
        from aisle.monitoring.requests import RetrainRequests

        return RetrainRequests(self.database, self.settings.tracking.model)

    def monitor(self, policy: "Policy | None" = None) -> "Monitor":
        """Return what looks at windows of the prediction log, under a policy or the one that is set."""
        from aisle.monitoring.monitor import Monitor

        return Monitor(
            self.database,
            self.artifacts,
            self.settings.workspace.home / "bundles",
            policy or self.policy(),
            model=self.settings.tracking.model,
        )

    @cached_property
    def exporter(self) -> "Exporter":
        """What Prometheus is shown of the database, which is opened at the first look and may be away."""
        from aisle.monitoring.exporter import Exporter

        return Exporter(lambda: self.database, model=self.settings.tracking.model, cache_s=self.settings.exporter.cache_s)

    @cached_property
    def review_desk(self) -> "ReviewDesk":
        """Where people get what they should look at, and decide."""
        from aisle.review.desk import ReviewDesk

        return ReviewDesk(self.database, timedelta(seconds=self.settings.review.lease_s))

    @cached_property
    def reviews(self) -> "ReviewBook":
        """What waits for people, and what they decided."""
        from aisle.review.figures import ReviewBook

        return ReviewBook(self.database)

    @cached_property
    def records(self) -> "Records":
        """What a server keeps on record."""
        from aisle.serving.records import Records

        return Records(
            keys=self.keys, ledger=self.ledger, answers=self.prediction_log, feedback=self.feedback, console=self.console
        )

    @cached_property
    def console(self) -> "ConsoleRecords":
        """What the console reads and writes."""
        from aisle.monitoring.records import MonitorRecords
        from aisle.registry.audit_log import AuditLog
        from aisle.registry.reports import Reports
        from aisle.serving.console_records import ConsoleRecords

        return ConsoleRecords(
            database=self.database,
            images=self.images,
            desk=self.review_desk,
            reviews=self.reviews,
            monitoring=MonitorRecords(self.database),
            audit=AuditLog(self.database),
            requests=self.requests,
            reports=Reports(self.artifacts),
        )

    @cached_property
    def telemetry(self) -> Telemetry:
        """The process's metrics."""
        return Telemetry()

    @cached_property
    def champions(self) -> "LedgerSource":
        """Where a server learns who is champion, and gets its bundle."""
        from aisle.serving.ledger_source import LedgerSource

        return LedgerSource(self.ledger, self.artifacts, self.settings.workspace.home / "bundles")

    def require_versions(self, options: Serving) -> None:
        """Make sure that the versions that a server is to hold are registered.

        Raises:
            SettingsError: One is not.
        """
        for name in ("pin", "shadow", "canary"):
            version = getattr(options, name)
            if version is None:
                continue
            try:
                self.ledger.model(version)
            except VersionNotFound:
                known = [model.version for model in self.ledger.models()]
                there = f"there are {', '.join(map(str, known[-5:]))}" if known else "there is none yet"
                raise SettingsError(
                    f"There is no version {version} to serve ({variable(Serving, name)}, --{name}); {there}.",
                    hint="`aisle models list` shows every version.",
                ) from None

    def tracking(self) -> "Tracking":
        """Open MLflow, which takes a second or two."""
        from aisle.registry.mlflow import Tracking

        return Tracking(self.settings.tracking)

    def context(self, report: "Report | None" = None) -> "Context":
        """Return what the pipeline's steps work with."""
        from aisle.pipeline.context import Context, silent

        return Context(
            settings=self.settings,
            database=self.database,
            images=self.images,
            artifacts=self.artifacts,
            tracking=self.tracking,
            commit=git_commit(),
            report=report or silent,
        )

    def bundle_digest(self, version: int | None) -> str:
        """Return the digest of a version's bundle, the champion's where none is named.

        Raises:
            RegistryError: There is no such version, or no champion yet.
        """
        if version is None:
            champion = self.ledger.champion()
            if champion is None:
                raise RegistryError("There is no champion yet.", hint="Run `aisle pipeline run FOLDER` first.")
            version = champion.version
        return self.ledger.model(version).bundle

    def close(self) -> None:
        """Close what was opened."""
        if "unchecked_database" in self.__dict__:
            self.unchecked_database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def open_application(folder: Path | None = None) -> Application:
    """Read the settings, set logging up, and return the process's live objects; `with` closes them at the end."""
    settings = load_settings(folder=folder)
    configure_logging(settings.workspace.log_level, settings.workspace.log_format)
    return Application(settings)


def serving_parts() -> "tuple[Serving, LedgerSource, Telemetry, Records]":
    """Return what a server is made from; `uvicorn aisle.serving.app:create_app --factory` finds it by an entry point."""
    application = open_application()
    application.require_versions(application.settings.serving)
    return application.settings.serving, application.champions, application.telemetry, application.records


def git_commit(file: Path = Path(__file__)) -> str:
    """Return the commit that this program was checked out at, or `unknown` where it was installed without one.

    Args:
        file: A file of the program. One that its folder's repository does not know is in that folder by installation.
    """
    git = shutil.which("git")
    if git is None:
        return "unknown"
    command = [git, "rev-parse", "HEAD", f"HEAD:./{file.name}"]
    asked = subprocess.run(command, cwd=file.parent, capture_output=True, text=True, check=False)
    return "unknown" if asked.returncode else asked.stdout.split()[0]
