"""The page of a made-up monitoring run with a drift in it."""

from datetime import timedelta

import polars as pl

from aisle.monitoring.look import gather, look
from aisle.monitoring.monitor import Finding
from aisle.monitoring.policy import read_policy
from aisle.monitoring.records import MonitorRun, TrendPoint
from aisle.monitoring.report.page import monitoring_page
from tests.unit.monitoring.windows import NOW, answers, reference_of, window_of

HOSTILE = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"
_ROWS = 800


def finding(title: str | None = None) -> Finding:
    """Return a run in whose window languages have changed.

    Args:
        title: The title of each of its products.
    """
    reference = reference_of(answers(4_000, 0))
    rows = answers(_ROWS, 3, language=["de"] * _ROWS, title=[title] * _ROWS)
    said = pl.DataFrame(schema={"code": pl.String, "predicted": pl.String, "confidence": pl.Float64})
    gathered, window = gather(rows.iter_slices(300), reference, rows.height), window_of(rows)
    found = look(gathered, reference, read_policy(), window=window, said=said, ages={"model": NOW}, now=NOW)
    run = MonitorRun(NOW, 0.5, "rows:800", NOW, NOW, _ROWS, 1, "b" * 64, 4_000, "p" * 64, found.state, found.reasons, id=7)
    return Finding(run, found, window, reference, barred=title or "")


def monitored(title: str | None = None) -> str:
    """Return the run's page, with how each column went before it."""
    made = finding(title)
    trends = {
        value.column: [TrendPoint(NOW - timedelta(days=n), 7 - n, value) for n in (3, 2, 1, 0)]
        for value in made.look.values
        if (value.family, value.measure) == ("drift", "psi")
    }
    return monitoring_page(made, trends)
