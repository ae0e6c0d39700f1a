"""Rows to the database and images to the object store: a share of each file by hand, or the next batch on a schedule.

`choose_rows` fixes how far the run goes; every task after it can be run again, at any time, with the same result. Rows are
stored together with their label and their image, so `upload_x_train` and `upload_x_test` do the work; `upload_y_train`,
`load_train_image` and `load_test_image` count what is there, and fail when a label or an image of it is not.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag, task
from airflow.sdk.exceptions import AirflowSkipException
from product import CATALOGUE, DEFAULTS, FOLDER, aisle, step


def declare(dag_id: str, *, schedule: timedelta | None, batch: int | None) -> None:
    """Declare a DAG that takes rows in: `batch` more at each run, or up to a share where it is None."""

    @dag(
        dag_id=dag_id,
        schedule=schedule,
        catchup=False,
        max_active_runs=1,
        tags=["aisle"],
        default_args={**DEFAULTS, "execution_timeout": timedelta(hours=2)},
        doc_md=__doc__,
        params={
            "folder": Param(FOLDER, type="string", description="Where the catalogue's files lie."),
            "share": Param(0.2, type="number", exclusiveMinimum=0, maximum=1, description="Share of each file to have."),
            "batch": Param(batch, type=["integer", "null"], minimum=1, description="Instead, so many rows more."),
        },
    )
    def prepare() -> None:
        @task
        def create_bucket() -> str:
            return aisle("objects", "create")

        @task
        def choose_rows(params: dict[str, Any] | None = None, run_id: str | None = None) -> dict[str, Any]:
            chosen = step("target", params, run=f"{dag_id} {run_id}")
            if params["batch"] is not None and chosen["exhausted"]:
                raise AirflowSkipException("Every row of the source has been taken: nothing to do until its files change.")
            return chosen

        @task
        def upload_x_train(chosen: dict[str, Any], params: dict[str, Any] | None = None) -> int:
            return int(step("ingest", params, upto=chosen["upto"], splits=["train"])["rows"]["train"])

        @task
        def upload_x_test(chosen: dict[str, Any], params: dict[str, Any] | None = None) -> int:
            return int(step("ingest", params, upto=chosen["upto"], splits=["test"])["rows"]["test"])

        @task
        def upload_y_train(chosen: dict[str, Any]) -> int:
            return int(step("holdings", source=chosen["source"], split="train")["labelled"])

        @task(outlets=[CATALOGUE])
        def load_train_image(chosen: dict[str, Any]) -> int:
            return int(step("holdings", source=chosen["source"], split="train")["images"])

        @task
        def load_test_image(chosen: dict[str, Any]) -> int:
            return int(step("holdings", source=chosen["source"], split="test")["images"])

        chosen = choose_rows()
        train, test = upload_x_train(chosen), upload_x_test(chosen)
        labels = upload_y_train(chosen)
        create_bucket() >> chosen
        train >> labels >> load_train_image(chosen)
        test >> load_test_image(chosen)

    prepare()


declare("prepare_data", schedule=None, batch=None)
declare("prepare_batch", schedule=timedelta(minutes=15), batch=2_000)
