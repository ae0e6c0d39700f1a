"""Whether to train anew, once a day: enough corrections, drift, age, or answers that got worse ask for it."""

from typing import Any

from airflow.sdk import CronTriggerTimetable, dag, task
from airflow.sdk.exceptions import AirflowSkipException
from product import DEFAULTS, RETRAIN_REQUEST, answer, waiting_request


@dag(
    schedule=CronTriggerTimetable("40 4 * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    tags=["aisle"],
    default_args=DEFAULTS,
    doc_md=__doc__,
)
def review_retrain() -> None:
    @task
    def weigh() -> dict[str, Any]:
        return answer("review", "retrain")

    @task(outlets=[RETRAIN_REQUEST])
    def request_retraining() -> int:
        if (request := waiting_request()) is None:
            raise AirflowSkipException("No request waits: nothing asks for one, or one was made lately.")
        return request

    weigh() >> request_retraining()


review_retrain()
