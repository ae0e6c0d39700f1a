"""What the tests of the DAGs do in Airflow's own environment, as a program: JSON in by argument, JSON out to a file.

Every import of Airflow is inside a function: this file is collected where there is none.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any


def main(asked: dict[str, Any], out: Path) -> None:
    """Migrate a fresh metadata database, read the DAGs, and run some of them in this process.

    Args:
        asked: `dags`, the folder; `runs`, a list of `dag`, `conf`, the product's `home`, and `settings` of it if need be.
        out: Where what was found goes.
    """
    from airflow.utils.db import initdb

    initdb()
    found: dict[str, Any] = {"dags": {}, "runs": []}
    bag = _read(Path(asked["dags"]))
    found["errors"] = bag.import_errors
    found["seconds"] = {stat.file: stat.duration.total_seconds() for stat in bag.dagbag_stats}
    for dag in bag.dags.values():
        found["dags"][dag.dag_id] = _told(dag)
    for run in asked["runs"]:
        settings = {"AISLE_HOME": run["home"], **run.get("settings", {})}
        os.environ.update(settings)
        # Read anew: a test run leaves its parameters behind as the DAG's own.
        found["runs"].append(_run(_read(Path(asked["dags"])).dags[run["dag"]], run["conf"]))
        for name in settings:
            del os.environ[name]
    out.write_text(json.dumps(found, default=str))


def _read(folder: Path) -> Any:
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db

    DagBundlesManager().sync_bundles_to_db()
    bag = BundleDagBag(folder, bundle_path=folder)
    sync_bag_to_db(bag, "dags-folder", None)
    return bag


def _told(dag: Any) -> dict[str, Any]:
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session

    with create_session() as session:
        model = session.get(DagModel, dag.dag_id)
        schedule, assets = model.timetable_summary, sorted(part.asset.name for part in model.schedule_asset_references)
    return {
        "schedule": schedule,
        "assets": assets,
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "params": sorted(dag.params),
        "tasks": {
            task.task_id: {
                "then": sorted(task.downstream_task_ids),
                "retries": task.retries,
                "timeout": task.execution_timeout.total_seconds(),
                "tells": bool(task.on_failure_callback),
                "outlets": [asset.name for asset in task.outlets],
            }
            for task in dag.tasks
        },
    }


def _run(dag: Any, conf: dict[str, Any]) -> dict[str, Any]:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    run = dag.test(run_conf=conf)
    asked = XComModel.get_many(run_id=run.run_id, key="return_value", dag_ids=[dag.dag_id])
    with create_session() as session:
        xcoms = {entry.task_id: XComModel.deserialize_value(entry) for entry in session.scalars(asked)}
    states = {instance.task_id: str(instance.state) for instance in run.get_task_instances()}
    return {"state": str(run.state), "tasks": states, "xcoms": xcoms}


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), Path(sys.argv[2]))
