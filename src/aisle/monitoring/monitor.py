"""A monitoring run: find the window and its reference, look, keep what was seen, and ask for a retraining if need be."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson
from sqlalchemy import select

from aisle.errors import MonitoringError
from aisle.models.manifest import read_sealed
from aisle.models.reference import Reference
from aisle.monitoring.look import Look, gather, look
from aisle.monitoring.performance import Said
from aisle.monitoring.policy import Policy
from aisle.monitoring.records import MonitorRecords, MonitorRun, MonitorValue
from aisle.monitoring.requests import RetrainRequest, RetrainRequests
from aisle.monitoring.window import Answers, Asked, Window
from aisle.registry.bundles import fetch
from aisle.registry.ledger import Ledger
from aisle.storage.database import Database
from aisle.storage.objects import Bucket
from aisle.storage.schema import models, snapshots


@dataclass(frozen=True)
class Subject:
    """Whose answers are looked at.

    Args:
        version: The model's version.
        bundle: Its bundle's digest.
        reference: What its rows were like.
        ages: Since when there are the model and its data.
    """

    version: int
    bundle: str
    reference: Reference
    ages: dict[str, datetime]


@dataclass(frozen=True)
class Finding:
    """A run, as it was kept.

    Args:
        run: The run.
        look: What was seen.
        window: Which answers were looked at.
        reference: What they were held against.
        request: The retraining that it asked for, if it did.
        barred: Why it did not, though there was reason to.
    """

    run: MonitorRun
    look: Look
    window: Window
    reference: Reference
    request: RetrainRequest | None = None
    barred: str = ""


class Monitor:
    """Looks at windows of the prediction log.

    Args:
        database: Where the log and everything that is kept live; it has been migrated.
        artifacts: The bucket of bundles.
        cache: A folder for bundles that were fetched.
        policy: What is made of what is seen.
        model: Name of the registered model.
    """

    def __init__(self, database: Database, artifacts: Bucket, cache: Path, policy: Policy, *, model: str = "aisle") -> None:
        self._database = database
        self._artifacts = artifacts
        self._cache = cache
        self._policy = policy
        self.answers = Answers(database)
        self.records = MonitorRecords(database)
        self.requests = RetrainRequests(database, model)

    def subject(self, version: int | None, now: datetime) -> Subject:
        """Return whose answers are looked at.

        Args:
            version: The version that is wanted; that of the newest answer where none is named.
            now: The moment.

        Raises:
            MonitoringError: Nothing has been answered yet, or the bundle has no reference that can be used.
            VersionNotFound: There is no such version.
            BundleError: The bundle is missing or damaged.
        """
        if version is None:
            version = self._answering(now)
        known = Ledger(self._database).model(version)
        sealed = read_sealed(fetch(self._artifacts, known.bundle, self._cache))
        reference = Reference.from_json(orjson.loads(sealed.files["profile.json"]))
        return Subject(version, known.bundle, reference, self._ages(version, known.snapshot))

    def _answering(self, now: datetime) -> int:
        """Return the version of the newest answer, or the champion's where nothing has been answered yet."""
        if (newest := self.answers.newest_version(now)) is not None:
            return newest[0]
        if (champion := Ledger(self._database).champion()) is None:
            raise MonitoringError(
                "Nothing has been answered yet, and there is no champion.",
                hint="Serve a model (`aisle serve`), or name one with --reference.",
            )
        return champion.version

    def run(
        self,
        asked: Asked,
        *,
        version: int | None = None,
        application: Callable[[], Sequence[MonitorValue]] | None = None,
        now: datetime | None = None,
    ) -> Finding:
        """Look at a window, and keep what was seen.

        Args:
            asked: Which answers.
            version: The version whose training rows they are held against: then answers of all versions count. By default
                it is that of the newest answer, and its own answers count.
            application: Looks at the server, if anybody does.
            now: The moment; now by default.

        Raises:
            MonitoringError: There is nothing to hold the window against.
        """
        moment = now or datetime.now(UTC)
        started = time.perf_counter()
        subject = self.subject(version, moment)
        window = self.answers.window(asked, moment, None if version is not None else subject.version)
        foreign = version is not None and self.answers.of_others(window, version) > 0
        gathered = gather(self.answers.batches(window, moment), subject.reference, window.rows)
        seen = look(
            gathered,
            subject.reference,
            self._policy,
            window=window,
            said=Said(self._database).of(window),
            ages=subject.ages,
            now=moment,
            application=application() if application else (),
            foreign=foreign,
        )
        run = MonitorRun(
            at=moment,
            seconds=time.perf_counter() - started,
            asked=str(asked),
            window_start=window.start,
            window_end=window.end,
            window_rows=window.rows,
            version=subject.version,
            bundle=subject.bundle,
            reference_rows=subject.reference.rows,
            policy=self._policy.digest,
            state=seen.state,
            reasons=seen.reasons,
        )
        kept = self.records.add(run, seen.values)
        request, barred = self._ask(kept, seen, moment)
        return Finding(kept, seen, window, subject.reference, request, barred)

    def _ask(self, run: MonitorRun, seen: Look, now: datetime) -> tuple[RetrainRequest | None, str]:
        reasons, wanted = seen.asks(self._policy), self._policy.retrain
        if not reasons:
            return None, ""
        last = self.records.runs(limit=wanted.windows)
        if len(last) < wanted.windows or any(one.state != "act" for one in last):
            return None, f"{wanted.windows} windows in a row have to be to be acted on."
        request = self.requests.ask(
            run.id, reasons, version=run.version, quiet=wanted.cool_down, lifetime=wanted.lifetime, now=now
        )
        if request is not None:
            return request, ""
        before = self.requests.last()
        if before is None:
            return None, "Somebody else asked at the same moment."
        if before.state in {"requested", "taken"}:
            return None, f"Request {before.id} is {before.state} already."
        return None, f"After request {before.id} nothing is asked for until {before.quiet_until:%Y-%m-%d %H:%M} UTC."

    def _ages(self, version: int, snapshot: str) -> dict[str, datetime]:
        queries = {
            "model_age_seconds": select(models.c.created_at).where(models.c.version == version),
            "data_age_seconds": select(snapshots.c.created_at).where(snapshots.c.digest == snapshot),
        }
        with self._database.reading() as connection:
            found = {name: connection.execute(query).scalar_one_or_none() for name, query in queries.items()}
        return {name: moment for name, moment in found.items() if moment is not None}
