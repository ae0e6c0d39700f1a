"""The report of a training beside its bundle: written when it is trained, shown in MLflow when it is registered."""

from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from aisle.pipeline.context import Context
from aisle.pipeline.table_files import disarmed
from aisle.registry.records import TrialRecord
from aisle.registry.reports import PAGE, report_key
from aisle.storage.objects import Bucket
from aisle.training.fit import TrainingReport
from aisle.training.report.page import report_page
from aisle.training.report.plots import report_plots
from aisle.training.report.tables import report_tables
from aisle.training.search.records import trial_records

_TRIALS = "trials.json"


def store_report(artifacts: Bucket, report: TrainingReport) -> None:
    """Keep a training's page, plots, tables and trials in the object store, under `reports/DIGEST/`.

    Args:
        artifacts: The bucket of snapshots and bundles.
        report: The training.
    """
    judgement = report.judgement
    tables = report_tables(judgement)
    plots = report_plots(judgement, tables)
    files = {
        _TRIALS: orjson.dumps([asdict(record) for record in trial_records(report.search)]),
        **{f"plots/{name}.svg": plot for name, plot in plots.items()},
        **{f"tables/{name}.csv": disarmed(table).write_csv().encode("utf-8", "replace") for name, table in tables.items()},
        # The last of them: where the page is, all is.
        PAGE: report_page(judgement, tables, plots).encode("utf-8", "replace"),
    }
    for name, data in files.items():
        artifacts.put(report_key(report.digest, name), data)


def show_report(context: Context, run_id: str, digest: str) -> None:
    """Show a bundle's report and trials in MLflow, under the run of its version; what is there stays as it is.

    Args:
        context: What steps work with.
        run_id: MLflow's id of the run.
        digest: The bundle's digest.

    Raises:
        TrackingError: MLflow cannot be reached, or refused.
    """
    prefix = report_key(digest, "")
    keys = list(context.artifacts.keys(prefix.rstrip("/")))
    if report_key(digest, PAGE) not in keys:
        return
    tracking = context.tracking()
    with TemporaryDirectory(prefix="aisle-report-") as folder:
        for key in keys:
            path = Path(folder, key.removeprefix(prefix))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(context.artifacts.get(key))
        tracking.log_folder(run_id, Path(folder), "report")
        records = orjson.loads(Path(folder, _TRIALS).read_bytes())
    tracking.log_trials(run_id, [TrialRecord(**record) for record in records])
