"""Another model, because a monitor or reviews asked for it. The request is on record; where none is open nothing happens."""

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag, task
from product import DEFAULTS, FOLDER, RETRAIN_REQUEST, aisle


@dag(
    schedule=[RETRAIN_REQUEST],
    catchup=False,
    max_active_runs=1,
    tags=["aisle"],
    default_args=DEFAULTS,
    doc_md=__doc__,
    params={"folder": Param(FOLDER, type="string", description="Where the catalogue's files lie.")},
)
def retrain() -> None:
    @task(execution_timeout=timedelta(hours=12))
    def answer_request(params: dict[str, Any] | None = None, run_id: str | None = None) -> str:
        # By the run's name: a retry after a kill goes on with the request that the attempt before it took.
        return aisle("pipeline", "run", params["folder"], "--on-request", "--as", run_id)

    answer_request()


retrain()
