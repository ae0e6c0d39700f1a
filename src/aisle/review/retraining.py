"""When what people said asks for a retraining: enough corrections, drift, age, or answers that got worse."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson
from sqlalchemy import func, select

from aisle.catalog.loads import SOURCE_AUTHOR
from aisle.errors import ReviewError
from aisle.registry.ledger import Ledger
from aisle.registry.records import ModelVersion
from aisle.review.figures import ReviewBook
from aisle.storage.database import Database
from aisle.storage.schema import labels, monitor_runs, snapshots

_GOLD = "accuracy"


@dataclass(frozen=True, slots=True)
class Triggers:
    """From when on a retraining is asked for.

    Args:
        corrections: Labels that people gave since the champion's snapshot.
        max_age: Age of the champion.
        max_fall: Accuracy by which answers may surely be below that on the gold rows.
    """

    corrections: int = 500
    max_age: timedelta = timedelta(days=90)
    max_fall: float = 0.02


@dataclass(frozen=True, slots=True)
class Need:
    """What speaks for a retraining.

    Args:
        version: The champion.
        corrections: Labels that people gave since its snapshot.
        reasons: Why it should be trained anew, as sentences; empty where it need not.
        run_id: The newest monitoring run, which the request goes back to; nothing where there is none.
    """

    version: int
    corrections: int
    reasons: tuple[str, ...]
    run_id: int | None


def need(database: Database, triggers: Triggers, *, now: datetime | None = None) -> Need:
    """Look whether the champion should be trained anew.

    Args:
        database: Where labels, models, reviews and monitoring runs live.
        triggers: From when on.
        now: The moment; now by default.

    Raises:
        ReviewError: There is no champion.
    """
    moment, ledger = now or datetime.now(UTC), Ledger(database)
    champion = ledger.champion()
    if champion is None:
        raise ReviewError("There is no champion to train anew.", hint="Run `aisle pipeline run FOLDER` first.")
    model = ledger.model(champion.version)
    given = _corrections(database, model)
    reasons = []
    if given >= triggers.corrections:
        reasons.append(f"People gave {given:,} labels since the champion's snapshot; {triggers.corrections:,} are enough.")
    if moment - model.created_at >= triggers.max_age:
        reasons.append(f"The champion is {(moment - model.created_at).days} days old; {triggers.max_age.days} are enough.")
    run_id, drift = _drift(database, model.version)
    reasons += drift
    if fall := _fall(database, model, triggers.max_fall):
        reasons.append(fall)
    return Need(champion.version, given, tuple(reasons), run_id)


def _corrections(database: Database, model: ModelVersion) -> int:
    """Count the labels that people gave and did not take back, since the snapshot that a model learnt was frozen."""
    back = labels.alias("back")
    same = (back.c[name] == labels.c[name] for name in ("source", "split", "product_id"))
    taken_back = select(back.c.seq).where(*same, back.c.withdraws == labels.c.seq).exists()
    frozen = select(snapshots.c.created_at).where(snapshots.c.digest == model.snapshot)
    with database.reading() as connection:
        since = connection.execute(frozen).scalar_one_or_none() or model.created_at
        given = labels.c.author != SOURCE_AUTHOR, labels.c.withdraws.is_(None), ~taken_back, labels.c.created_at > since
        return int(connection.execute(select(func.count()).select_from(labels).where(*given)).scalar_one())


def _drift(database: Database, version: int) -> tuple[int | None, list[str]]:
    """Return the newest run, and why it asks to act; what it saw of another version's answers speaks against that one."""
    columns = (monitor_runs.c.id, monitor_runs.c.version, monitor_runs.c.state, monitor_runs.c.reasons)
    newest = select(*columns).order_by(monitor_runs.c.id.desc())
    with database.reading() as connection:
        row = connection.execute(newest.limit(1)).one_or_none()
    if row is None:
        return None, []
    acts = row.state == "act" and row.version == version
    return row.id, list(orjson.loads(row.reasons)) if acts else []


def _fall(database: Database, model: ModelVersion, most: float) -> str:
    live, gold = ReviewBook(database).accuracy(model.version), _gold_accuracy(model.metrics)
    if gold is None or live.high is None or live.high >= gold - most:
        return ""
    told = f"Of {live.cases:,} drawn answers {live.value:.1%} were right, surely not {live.high:.1%}"
    return f"{told}; of the gold rows {gold:.1%} were."


def _gold_accuracy(metrics: Mapping[str, object]) -> float | None:
    value = metrics.get(_GOLD)
    return float(value) if isinstance(value, int | float) else None
