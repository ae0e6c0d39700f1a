"""Every night, what cannot be made again: rows and objects, in a folder of the night's own, read back and compared."""

from typing import Any

from airflow.sdk import CronTriggerTimetable, Param, dag, task
from product import DEFAULTS, aisle


@dag(
    schedule=CronTriggerTimetable("30 3 * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    tags=["aisle"],
    default_args=DEFAULTS,
    doc_md=__doc__,
    params={
        "folder": Param("/backups", type="string", description="Where backups go, each into a folder of its own."),
        "keep": Param(7, type="integer", minimum=1, description="Backups kept; older ones are removed."),
    },
)
def backup() -> None:
    @task
    def write_backup(params: dict[str, Any] | None = None, run_id: str | None = None) -> str:
        return aisle("backup", params["folder"], "--name", run_id, "--keep", params["keep"], "--quiet").strip()

    @task
    def verify_backup(path: str) -> str:
        return aisle("restore", path, "--check")

    verify_backup(write_backup())


backup()
