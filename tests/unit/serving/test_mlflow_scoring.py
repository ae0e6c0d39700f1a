import json
from typing import Any

import pytest

from aisle.catalog.product import Product
from aisle.errors import InvalidRequest
from aisle.serving.mlflow_scoring import read_csv, read_scoring
from aisle.serving.problems import field_name
from aisle.settings import Serving
from tests.unit.serving.fakes import Client, FakeChampions, make_app, running

OPTIONS = Serving(max_products=3, max_text_chars=1_000)


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_records": [{"title": "a", "brand": None}, {"title": "b", "x": 1}]},
        {"dataframe_split": {"columns": ["title", "other"], "data": [["a", 1], ["b", 2]], "index": [7, 9]}},
        {"inputs": {"title": ["a", "b"]}},
        {"inputs": [{"title": "a"}, {"title": "b"}]},
        {"instances": [{"title": "a"}, {"title": "b"}]},
        {"instances": {"title": ["a", "b"]}, "params": {"x": 1}},
    ],
)
def test_every_form_is_read(body: Any) -> None:
    assert read_scoring(json.dumps(body).encode(), OPTIONS) == [Product("0", "a"), Product("1", "b")]


def test_a_single_value_is_a_row_and_one_with_nothing_is_kept() -> None:
    assert read_scoring(b'{"inputs": {"id": "A-1", "title": null}}', OPTIONS) == [Product("A-1")]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{}", ""),
        (b"[]", ""),
        ({"inputs": {}, "instances": []}, ""),
        ({"inputs": {"title": "a"}, "signature_name": "x"}, ""),
        ({"dataframe_records": {}}, "dataframe_records"),
        ({"dataframe_records": []}, "dataframe_records"),
        ({"dataframe_records": [1]}, "dataframe_records[0]"),
        ({"dataframe_records": [{"title": "a"}] * 4}, "dataframe_records"),
        ({"dataframe_records": [{"title": 3}]}, "dataframe_records[0].title"),
        ({"dataframe_records": [{"image": "!"}]}, "dataframe_records[0].image"),
        ({"dataframe_records": [{"title": "x" * 1_001}]}, "dataframe_records[0].title"),
        ({"dataframe_split": []}, "dataframe_split"),
        ({"dataframe_split": {"columns": [1], "data": []}}, "dataframe_split.columns"),
        ({"dataframe_split": {"columns": ["a", "a"], "data": []}}, "dataframe_split.columns"),
        ({"dataframe_split": {"columns": ["title"], "data": 1}}, "dataframe_split.data"),
        ({"dataframe_split": {"columns": ["title"], "data": [["a"], []]}}, "dataframe_split.data[1]"),
        ({"inputs": "a"}, "inputs"),
        ({"inputs": {"title": ["a"], "brand": []}}, "inputs"),
    ],
)
def test_what_is_wrong_is_named(body: Any, field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_scoring(body if isinstance(body, bytes) else json.dumps(body).encode(), OPTIONS)
    assert [field_name(wrong.path) for wrong in caught.value.fields] == [field]


def test_csv_is_read_as_pandas_writes_it() -> None:
    body = 'id,title,brand\nx,"a, ""b""\nc",NULL\n7,None,é\n'.encode()
    assert read_csv(body, OPTIONS) == [Product("x", 'a, "b"\nc'), Product("7", None, None, "é")]


@pytest.mark.parametrize(
    "body", [b"", b"title\n", b"title\n\xff", b'title\n"a', b"title,title\na,b\n", b"title\na,b\n", b"image\naGk=\n"]
)
def test_other_csv_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        read_csv(body, OPTIONS)


def test_an_error_is_a_problem_that_mlflows_clients_can_read(client: Client) -> None:
    response = client.request("POST", "/invocations", json={"title": "a"})
    assert response.status_code == 422
    problem = response.json()
    assert problem["error_code"] == "BAD_REQUEST"
    assert problem["message"] == problem["detail"]
    assert client.request("POST", "/invocations", content=b"x").status_code == 415


def test_the_probes_of_mlflow_follow_readiness(client: Client) -> None:
    assert client.get("/version").text.startswith("3.")
    for path in ("/ping", "/health"):
        assert client.get(path).status_code == 200
    with running(make_app(FakeChampions())) as empty:
        assert {empty.get(path).status_code for path in ("/ping", "/health")} == {503}
        assert empty.request("POST", "/invocations", json={"inputs": {"title": "a"}}).json()["error_code"] == (
            "TEMPORARILY_UNAVAILABLE"
        )
