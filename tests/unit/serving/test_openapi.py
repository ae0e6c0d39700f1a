import copy
from collections.abc import Mapping
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from aisle.serving import problems, protocol_schemas, schemas, variant_schemas
from tests.unit.serving.fakes import Client, FakeModel

METHODS = ("get", "post", "put", "patch", "delete")


def shape(reference: str) -> type[BaseModel]:
    name = reference.rpartition("/")[2]
    home = next(home for home in (problems, schemas, protocol_schemas, variant_schemas) if hasattr(home, name))
    found: type[BaseModel] = getattr(home, name)
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(m, path, item[m]) for path, item in document["paths"].items() for m in METHODS if m in item]


def filled(path: str, operation: dict[str, Any]) -> str:
    """Return a path with the example of each of its parameters; those of `/v2` have none."""
    given = {p["name"]: p["schema"].get("examples", [None])[0] for p in operation.get("parameters", []) if p["in"] == "path"}
    known = {"model": "aisle", "version": "1"}
    return path.format(**{name: known[name] if example is None else example for name, example in given.items()})


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [found for value in node.values() for found in references(value)]
    return [found for value in node for found in references(value)] if isinstance(node, list) else []


def without_limits(components: dict[str, Any]) -> dict[str, Any]:
    found = copy.deepcopy(components)
    for name in ("title", "description", "brand"):
        found["Product"]["properties"][name]["anyOf"][0].pop("maxLength")
    found["ProductBatch"]["properties"]["products"].pop("maxItems")
    return found


class Named(FakeModel):
    """Knows the category of the examples as well."""

    @property
    def categories(self) -> Mapping[str, str]:
        return {**super().categories, "2583": "Swimming pools and accessories"}


@pytest.fixture
def model() -> FakeModel:
    return Named("bundle-a")


@pytest.fixture
def settings() -> dict[str, Any]:
    """Everything that a route tells of is there."""
    return {"shadow": 2, "canary": 2}


@pytest.fixture
def document(client: Client) -> dict[str, Any]:
    answer: dict[str, Any] = client.get("/openapi.json").json()
    return answer


def test_the_document_lists_the_routes(document: dict[str, Any]) -> None:
    assert [(method, path) for method, path, _ in operations(document)] == [
        ("post", "/v1/predictions"),
        ("post", "/v1/predictions/stream"),
        ("post", "/v1/explanations"),
        ("post", "/v1/feedback"),
        ("get", "/v1/models"),
        ("get", "/v1/models/champion"),
        ("get", "/v1/categories"),
        ("get", "/v1/models/canary"),
        ("get", "/v1/models/shadow"),
        ("post", "/v1/models/{version}/promote"),
        ("post", "/v1/models/rollback"),
        ("get", "/v2/health/live"),
        ("get", "/v2/health/ready"),
        ("get", "/v2"),
        ("get", "/v2/models/{model}"),
        ("get", "/v2/models/{model}/ready"),
        ("post", "/v2/models/{model}/infer"),
        ("get", "/v2/models/{model}/versions/{version}"),
        ("get", "/v2/models/{model}/versions/{version}/ready"),
        ("post", "/v2/models/{model}/versions/{version}/infer"),
        ("post", "/invocations"),
        ("get", "/health/live"),
        ("get", "/health/ready"),
        ("get", "/metrics"),
    ]


def test_every_reference_leads_somewhere_and_every_component_is_used(document: dict[str, Any]) -> None:
    used = {reference.rpartition("/")[2] for reference in references(document)}
    assert used == set(document["components"]["schemas"])


def test_the_components_are_the_shapes_that_are_checked(document: dict[str, Any]) -> None:
    shown = without_limits(document["components"]["schemas"])
    for name, schema in shown.items():
        assert schemas.component_schemas(shape(name))[name] == schema


def test_the_limits_that_hold_are_shown(document: dict[str, Any]) -> None:
    components = document["components"]["schemas"]
    assert components["ProductBatch"]["properties"]["products"]["maxItems"] == 5
    assert components["Product"]["properties"]["title"]["anyOf"][0]["maxLength"] == 1_000


def test_every_operation_declares_its_problems_and_the_request_id(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        assert operation["summary"], path
        assert operation["description"], path
        for status, response in operation["responses"].items():
            if status == "200":
                continue
            assert set(response["content"]) == {"application/problem+json"}
            assert "X-Request-ID" in response["headers"]
        expected = {"404", "405", "413", "500"} | ({"415", "422", "503"} if method == "post" else set())
        assert expected <= set(operation["responses"]), path


def test_every_documented_request_is_answered_as_documented(document: dict[str, Any], client: Client) -> None:
    asked = 0
    for method, path, operation in operations(document):
        bodies = operation.get("requestBody", {}).get("content", {})
        for details in [details for kind, body in bodies.items() for details in requests(kind, body)] or [{}]:
            response = client.request(method.upper(), filled(path, operation), **details)
            assert response.status_code == 200, (path, details, response.text)
            content = operation["responses"]["200"]["content"]
            assert response.headers["content-type"].partition(";")[0] in content
            if "application/json" in content:
                shape(content["application/json"]["schema"]["$ref"]).model_validate_json(response.content, strict=True)
            if "application/x-ndjson" in content:
                for line in response.content.splitlines():
                    schemas.StreamLine.model_validate_json(line, strict=True)
            asked += 1
    assert asked == 37


def requests(kind: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    """A request for each documented example of a body."""
    examples = [example["value"] for example in body.get("examples", {}).values()]
    if kind == "application/json":
        return [{"json": example} for example in examples]
    return [
        {"content": example, "headers": {"content-type": kind}} for example in (*examples, body.get("example")) if example
    ]


def test_every_documented_answer_has_its_documented_shape(document: dict[str, Any]) -> None:
    for _, _, operation in operations(document):
        content = operation["responses"]["200"]["content"].get("application/json")
        if content is not None:
            assert shape(content["schema"]["$ref"]).model_validate(content["example"])


def test_the_document_is_made_once(app: FastAPI) -> None:
    assert app.openapi() is app.openapi()


def test_the_page_to_try_it_out_names_the_document(client: Client) -> None:
    response = client.get("/docs")
    assert response.headers["content-type"].startswith("text/html")
    assert "openapi.json" in response.text
