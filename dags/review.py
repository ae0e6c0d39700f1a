"""What people should look at: every hour, the answers that are unsure or contested and those that chance picks."""

from typing import Any

from airflow.sdk import CronTriggerTimetable, dag, task
from product import DEFAULTS, answer


@dag(
    schedule=CronTriggerTimetable("20 * * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    tags=["aisle"],
    default_args=DEFAULTS,
    doc_md=__doc__,
)
def review() -> None:
    @task
    def fill_queue() -> dict[str, Any]:
        return answer("review", "fill")

    fill_queue()


review()
