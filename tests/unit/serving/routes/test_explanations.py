from typing import Any

import pytest

from tests.unit.serving.fakes import Client

PRODUCT = {"title": "Piscine"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "product"),
        ({"product": {}}, "product"),
        ({"product": "a"}, "product"),
        ({"product": {"title": 3}}, "product.title"),
        ({"product": {"title": "x" * 1_001}}, "product.title"),
        ({"product": {"title": "a", "image": "aGk="}}, "product.image"),
        ({"product": {"titel": "a"}}, "product.titel"),
        ({"product": PRODUCT, "terms": 0}, "terms"),
        ({"product": PRODUCT, "terms": 51}, "terms"),
        ({"product": PRODUCT, "code": 3}, "code"),
        ({"product": PRODUCT, "top": 3}, "top"),
    ],
)
def test_what_is_wrong_is_named(client: Client, body: Any, field: str) -> None:
    response = client.request("POST", "/v1/explanations", json=body)
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [field]


def test_an_unknown_category_is_a_problem(client: Client) -> None:
    response = client.request("POST", "/v1/explanations", json={"product": PRODUCT, "code": "no such"})
    assert response.status_code == 422
    assert "no such" in response.json()["detail"]


def test_an_explanation_names_its_model_and_request(client: Client) -> None:
    answer = client.request("POST", "/v1/explanations", json={"product": PRODUCT}, headers={"x-request-id": "r-1"}).json()
    assert answer["model"]["version"] == 1
    assert answer["request_id"] == "r-1"
