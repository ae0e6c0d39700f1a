"""From the catalogue to a champion: freeze, train, judge, register, promote, and answer the test rows with it.

New training rows start it; `decide` skips the rest until enough of them are new, or the champion is too weak.
A refusal by the gate is no failure: the run ends well, and its `promote` says why.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag, task
from airflow.sdk.exceptions import AirflowSkipException
from product import CATALOGUE, DEFAULTS, PREDICTIONS, aisle, step


@dag(
    schedule=[CATALOGUE],
    catchup=False,
    max_active_runs=1,
    tags=["aisle"],
    default_args=DEFAULTS,
    doc_md=__doc__,
    params={
        "rows": Param(10_000, type="integer", minimum=1, description="New labelled rows that are worth a training."),
        "floor": Param(0.7, type="number", minimum=0, maximum=1, description="Weighted F1 that a champion must have."),
        "force": Param(False, type="boolean", description="Train whatever is new."),
        "budget": Param(None, type=["string", "null"], description="Time for the training, as 10m; as set by default."),
        "families": Param(None, type=["string", "null"], description="Families to train; as set by default."),
        "jobs": Param(None, type=["integer", "null"], minimum=1, description="Processes side by side; as set by default."),
    },
)
def train_model() -> None:
    @task
    def decide(params: dict[str, Any] | None = None) -> dict[str, Any]:
        found = step("due", params)
        if not (found["due"] or params["force"]):
            raise AirflowSkipException(found["reason"])
        return found

    @task
    def freeze_snapshot() -> dict[str, Any]:
        return step("snapshot")

    @task(execution_timeout=timedelta(hours=12))
    def train(frozen: dict[str, Any], params: dict[str, Any] | None = None) -> dict[str, Any]:
        return step("train", params, frozen)

    @task
    def evaluate(made: dict[str, Any]) -> dict[str, Any]:
        return step("evaluate", made)

    @task
    def register(made: dict[str, Any]) -> dict[str, Any]:
        return step("register", made)

    @task
    def promote(judged: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
        return step("promote", judged, known)

    @task(outlets=[PREDICTIONS])
    def predict_test(decided: dict[str, Any]) -> int | None:
        if not decided["promoted"]:
            raise AirflowSkipException("The champion is the one that it was: its answers are there.")
        aisle("predict", "--split", "test", "--out", "submission.csv")
        return decided["champion"]

    frozen = freeze_snapshot()
    decide() >> frozen
    made = train(frozen)
    predict_test(promote(evaluate(made), register(made)))


train_model()
