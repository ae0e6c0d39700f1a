import json
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from aisle import errors
from aisle.errors import AisleError, InvalidField, InvalidRequest
from aisle.serving.problems import MAX_FIELDS, Problem, aisle_problem, field_name, field_pointer, invalid_request

SCOPE: dict[str, Any] = {"type": "http", "state": {"request_id": "r-1"}}
PATHS = st.lists(st.text(max_size=20) | st.integers(0, 99), max_size=4)


def all_errors() -> list[type[AisleError]]:
    return [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, AisleError)]


def make(kind: type[AisleError], message: str) -> AisleError:
    return kind("damaged", message) if kind is errors.ImageProblem else kind(message)  # type: ignore[arg-type,call-arg]


@pytest.mark.parametrize("kind", all_errors())
def test_every_error_of_ours_is_a_problem(kind: type[AisleError]) -> None:
    response = aisle_problem(SCOPE, make(kind, "It broke at db.internal."))
    problem = Problem.model_validate_json(bytes(response.body), strict=True)
    assert response.headers["content-type"] == "application/problem+json"
    assert problem.status == response.status_code
    assert problem.instance == "urn:aisle:request:r-1"
    assert problem.type == f"urn:aisle:problem:{make(kind, '').code}"


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.InputError, 422),
        (errors.InvalidRequest, 422),
        (errors.ContentTooLarge, 413),
        (errors.UnsupportedContent, 415),
        (errors.NotReady, 503),
        (errors.Overloaded, 503),
        (errors.ObjectNotFound, 404),
        (errors.DatabaseError, 503),
        (errors.TrackingError, 503),
        (errors.LedgerConflict, 409),
        (errors.PromotionRefused, 409),
        (errors.BundleError, 500),
        (errors.SettingsError, 500),
        (errors.AisleError, 500),
    ],
)
def test_each_kind_has_its_status(kind: type[AisleError], status: int) -> None:
    assert aisle_problem(SCOPE, make(kind, "no")).status_code == status


@pytest.mark.parametrize("kind", [errors.DatabaseError, errors.BundleError, errors.TrackingError])
def test_the_words_of_an_inner_fault_go_to_the_log_and_not_to_the_client(kind: type[AisleError]) -> None:
    with structlog.testing.capture_logs() as logs:
        response = aisle_problem(SCOPE, kind("postgresql://db.internal refused.", hint="Start it."))
    assert b"db.internal" not in bytes(response.body)
    assert "db.internal" in logs[0]["reason"]


def test_a_callers_fault_is_told_with_the_way_to_mend_it() -> None:
    response = aisle_problem(SCOPE, errors.UnsupportedContent("It is XML.", hint="Send JSON."))
    assert json.loads(response.body)["detail"] == "It is XML. Send JSON."


@pytest.mark.parametrize(("seconds", "header"), [(0.2, "1"), (5, "5"), (5.1, "6")])
def test_an_unready_server_says_when_to_ask_again(seconds: float, header: str) -> None:
    response = aisle_problem(SCOPE, errors.NotReady("Not yet.", retry_after_s=seconds))
    assert response.headers["retry-after"] == header


def test_fields_are_named_and_pointed_to() -> None:
    field = InvalidField(("products", 3, "title"), "is too long.")
    problem = json.loads(aisle_problem(SCOPE, InvalidRequest("No.", fields=[field])).body)
    assert problem["errors"] == [
        {"detail": "is too long.", "part": "body", "field": "products[3].title", "pointer": "#/products/3/title"}
    ]


def test_only_the_first_fields_are_told_but_all_are_counted() -> None:
    error = invalid_request([InvalidField(("products", n), "is odd.") for n in range(1_000)])
    problem = json.loads(aisle_problem(SCOPE, error).body)
    assert len(problem["errors"]) == MAX_FIELDS
    assert problem["detail"] == "products[0] is odd. 999 more are wrong."


@given(PATHS)
def test_a_pointer_leads_back_to_its_path(path: list[str | int]) -> None:
    steps = field_pointer(path).removeprefix("#").split("/")[1:]
    assert [step.replace("~1", "/").replace("~0", "~") for step in steps] == [str(step) for step in path]


@given(PATHS)
def test_a_field_name_never_grows_without_bound(path: list[str | int]) -> None:
    assert len(field_name([*path, "x" * 10_000])) < 500
    assert len(field_pointer([*path, "x" * 10_000])) < 500
