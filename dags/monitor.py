"""A look at what was answered: after new answers and every two hours. A drift that matters asks for a retraining."""

from typing import Any

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, dag, task
from airflow.sdk.exceptions import AirflowSkipException
from product import DEFAULTS, PREDICTIONS, RETRAIN_REQUEST, answer, waiting_request


@dag(
    schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable("0 */2 * * *", timezone="UTC"), assets=[PREDICTIONS]),
    catchup=False,
    max_active_runs=1,
    tags=["aisle"],
    default_args=DEFAULTS,
    doc_md=__doc__,
)
def monitor() -> None:
    @task
    def look() -> dict[str, Any]:
        return answer("monitor", "run")

    @task(outlets=[RETRAIN_REQUEST])
    def request_retraining() -> int:
        if (request := waiting_request()) is None:
            raise AirflowSkipException("Nothing asks for a retraining.")
        return request

    look() >> request_retraining()


monitor()
