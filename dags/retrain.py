"""Another model, because a monitor asked for it. The request is on record; nothing happens where there is none open."""

from datetime import timedelta

from airflow.sdk import dag, task
from product import DEFAULTS, RETRAIN_REQUEST, aisle


@dag(
    schedule=[RETRAIN_REQUEST],
    catchup=False,
    max_active_runs=1,
    tags=["aisle"],
    default_args=DEFAULTS,
    doc_md=__doc__,
)
def retrain() -> None:
    @task(execution_timeout=timedelta(hours=12))
    def answer_request() -> str:
        return aisle("pipeline", "run", "--on-request")

    answer_request()


retrain()
