"""Operations, catalogue and drift: what there is to see."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from sqlalchemy import column, func, select, table
from starlette.responses import Response

from aisle.catalog.loads import list_loads
from aisle.catalog.rejects import count_rejects
from aisle.monitoring.ends import ends
from aisle.monitoring.overview import overview
from aisle.serving.console.charts import bars, ranking, trend
from aisle.serving.console.pages import PATH, ConsoleRoute, Visit, visit
from aisle.serving.console.trying import named
from aisle.storage.schema import predictions, products

_HOURS, _RUNS, _CLASSES = 24, 30, 15
_MOST_ANSWERS, _MOST_COUNTED = 20_000, 50_000
_current_labels = table("current_labels", column("code"))

router = APIRouter(prefix=PATH, route_class=ConsoleRoute, include_in_schema=False)


@router.get("/operations")
async def operations(request: Request) -> Response:
    """Show who answers, how fast, what waits, and who did what."""
    visitor = await visit(request)
    service = visitor.service
    found = await service.desk.run(partial(_operations, visitor, datetime.now(UTC)))
    watches = {
        "champion": service.watch,
        "canary": service.canary and service.canary.watch,
        "shadow": service.shadow and service.shadow.watch,
    }
    serving = [(role, watch.champion, watch.trouble) for role, watch in watches.items() if watch]
    return visitor.page("operations", "operations", serving=serving, scorer=service.scorer, **found)


def _operations(visitor: Visit, now: datetime) -> dict[str, Any]:
    since = now - timedelta(hours=_HOURS)
    recent = select(predictions.c.answered_at, predictions.c.seconds, predictions.c.review)
    newest = recent.where(predictions.c.answered_at >= since).order_by(predictions.c.id.desc()).limit(_MOST_ANSWERS)
    counted = select(func.count()).select_from(predictions).where(predictions.c.answered_at >= since)
    with visitor.records.database.reading() as connection:
        rows = connection.execute(newest).all()
        total = int(connection.execute(counted).scalar_one())
    hours = [0] * _HOURS
    for row in rows:
        hours[_HOURS - 1 - min(_HOURS - 1, int((now - row.answered_at) / timedelta(hours=1)))] += 1
    named_hours = [(f"{since + timedelta(hours=number + 1):%H}:00", float(rows)) for number, rows in enumerate(hours)]
    seconds = np.array([row.seconds for row in rows])
    return {
        "answers": total,
        "chart": bars(named_hours, "answers by hour"),
        "median_ms": float(np.median(seconds) * 1000) if rows else None,
        "late_ms": float(np.quantile(seconds, 0.99) * 1000) if rows else None,
        "for_review": sum(row.review is not None for row in rows) / len(rows) if rows else None,
        "reviews": visitor.records.reviews.figures(),
        "audit": visitor.records.audit.newest(50) if visitor.session.may("admin") else [],
    }


@router.get("/catalogue")
async def catalogue(request: Request) -> Response:
    """Show loads, rejects, classes, and what is wrong with the products."""
    visitor = await visit(request)
    found = await visitor.service.desk.run(partial(_catalogue, visitor))
    return visitor.page("catalogue", "catalogue", **found)


def _catalogue(visitor: Visit) -> dict[str, Any]:
    database = visitor.records.database
    by_class = select(_current_labels.c.code, func.count()).group_by(_current_labels.c.code)
    with database.reading() as connection:
        rows = int(connection.execute(select(func.count()).select_from(products)).scalar_one())
        classes = sorted(((row[0], row[1]) for row in connection.execute(by_class)), key=lambda row: -row[1])
    champion = visitor.service.watch.champion
    called = partial(named, model=champion.model if champion else None, language=visitor.language)
    told = [(called(code), float(size)) for code, size in classes]
    return {
        "rows": rows,
        "loads": list_loads(database)[:20],
        "rejects": count_rejects(database)[:20],
        "classes": told,
        "chart": ranking(told[:_CLASSES], "products by class"),
        # Looking through every text takes seconds for large catalogues; `aisle catalog stats` does it then.
        "quality": overview(database) if 0 < rows <= _MOST_COUNTED else None,
    }


@router.get("/drift")
async def drift(request: Request) -> Response:
    """Show what the last look at the answers found, and a column's way over the last looks."""
    visitor = await visit(request)
    asked = request.query_params.get("column", "")[:100]
    found = await visitor.service.desk.run(partial(_drift, visitor, asked))
    return visitor.page("drift", "drift", **found)


def _drift(visitor: Visit, asked: str) -> dict[str, Any]:
    records = visitor.records.monitoring
    run = records.latest()
    if run is None:
        return {"run": None}
    order = {"act": 0, "watch": 1, "ok": 2, "unknown": 3}
    values = [value for value in records.values(run.id) if value.family == "drift" and value.measure in {"psi", "auc"}]
    values.sort(key=lambda value: (order[value.state], value.column))
    shown = asked or (values[0].column if values else "")
    points = records.trend("psi", family="drift", column=shown, limit=_RUNS)
    known = [point for point in points if point.value.value is not None]
    line = [point.value.value or 0.0 for point in known]
    chart = None
    if known:
        ends_at = f"{known[0].at:%Y-%m-%d}", f"{known[-1].at:%Y-%m-%d}"
        chart = trend(line, f"PSI of {shown}", band=[point.value.null_high for point in known], ends=ends_at)
    others = [value for value in records.values(run.id) if value.family == "performance"]
    examples = ends(visitor.records.database, run, shown)
    return {"run": run, "values": values, "shown": shown, "chart": chart, "performance": others, "examples": examples}
