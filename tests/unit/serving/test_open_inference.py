import base64
from typing import Any

import orjson
import pytest

from aisle.catalog.product import Product
from aisle.errors import InvalidRequest, UnsupportedContent
from aisle.serving.open_inference import read_inference
from aisle.serving.problems import field_name
from aisle.settings import Serving
from tests.unit.models.examples import picture
from tests.unit.serving.fakes import Client

OPTIONS = Serving(max_products=3, max_text_chars=1_000)
PICTURE = picture("50", 1)


def tensor(name: str = "title", data: Any = ("a", "b"), **changes: Any) -> dict[str, Any]:
    values = list(data) if isinstance(data, tuple) else data
    return {"name": name, "shape": [len(data)], "datatype": "BYTES", "data": values, **changes}


def read(*tensors: Any, **more: Any) -> Any:
    return read_inference(orjson.dumps({"inputs": list(tensors), **more}), OPTIONS)


@pytest.mark.parametrize("shape", [[2], [2, 1]])
@pytest.mark.parametrize("data", [["a", "b"], [["a"], ["b"]]])
def test_rows_are_products(shape: list[int], data: list[Any]) -> None:
    asked = read(tensor(data=data, shape=shape), tensor("brand", ("x", "")), id="r")
    assert asked.products == [Product("0", "a", None, "x"), Product("1", "b")]
    assert asked.outputs == ("code", "name", "confidence")
    assert asked.id == "r"


def test_an_image_is_base64() -> None:
    asked = read(tensor("title", ("", "b")), tensor("image", (base64.b64encode(PICTURE).decode(), "")))
    assert [product.image for product in asked.products] == [PICTURE, None]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"[]", ""),
        (b"{}", "inputs"),
        (b'{"inputs": []}', "inputs"),
        ({"inputs": ["a"]}, "inputs[0]"),
        ({"inputs": [tensor("titel")]}, "inputs[0].name"),
        ({"inputs": [tensor(), tensor()]}, "inputs[1].name"),
        ({"inputs": [tensor(datatype="FP32")]}, "inputs[0].datatype"),
        ({"inputs": [tensor(shape=[1, 2])]}, "inputs[0].shape"),
        ({"inputs": [tensor(shape=[2, 1, 1])]}, "inputs[0].shape"),
        ({"inputs": [tensor(shape=[True])]}, "inputs[0].shape"),
        ({"inputs": [tensor(shape=[0], data=[])]}, "inputs[0].shape"),
        ({"inputs": [tensor(data=("a",) * 4)]}, "inputs[0].shape"),
        ({"inputs": [tensor(shape=[3])]}, "inputs[0].data"),
        ({"inputs": [tensor(data=["a", None])]}, "inputs[0].data"),
        ({"inputs": [tensor(data=("a", "x" * 1_001))]}, "inputs[0].data[1]"),
        ({"inputs": [tensor(), tensor("brand", ("a",))]}, "inputs"),
        ({"inputs": [tensor(data=("a", " "))]}, "inputs"),
        ({"inputs": [tensor(), tensor("image", ("", "aGk="))]}, "inputs[1].data[1]"),
        ({"inputs": [tensor(), tensor("image", ("", "!"))]}, "inputs[1].data[1]"),
        ({"inputs": [tensor()], "id": 3}, "id"),
        ({"inputs": [tensor()], "parameters": []}, "parameters"),
        ({"inputs": [tensor()], "outputs": {}}, "outputs"),
        ({"inputs": [tensor()], "outputs": [{"name": "logits"}]}, "outputs[0].name"),
        ({"inputs": [tensor()], "outputs": [{"name": "code"}, {"name": "code"}]}, "outputs[1].name"),
    ],
)
def test_what_is_wrong_is_named(body: Any, field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_inference(body if isinstance(body, bytes) else orjson.dumps(body), OPTIONS)
    assert [field_name(wrong.path) for wrong in caught.value.fields] == [field]


@pytest.mark.parametrize(
    "body",
    [
        {"inputs": [tensor(parameters={"binary_data_size": 9})]},
        {"inputs": [tensor()], "parameters": {"binary_data_output": True}},
        {"inputs": [tensor()], "outputs": [{"name": "code", "parameters": {"binary_data": True}}]},
    ],
)
def test_the_binary_extension_is_refused(body: Any) -> None:
    with pytest.raises(UnsupportedContent, match="binary_data=False"):
        read_inference(orjson.dumps(body), OPTIONS)


def test_an_answer_tells_what_was_asked_for(client: Client) -> None:
    body = {
        "id": "r-7",
        "inputs": [tensor()],
        "outputs": [{"name": name} for name in ("probabilities", "categories", "code")],
    }
    answer = client.request("POST", "/v2/models/aisle/versions/1/infer", json=body).json()
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("aisle", "1", "r-7")
    shares, codes, best = answer["outputs"]
    assert (shares["name"], shares["datatype"], shares["shape"]) == ("probabilities", "FP32", [2, 10])
    assert (codes["shape"], best["shape"], len(shares["data"])) == ([10], [2], 20)
    for row, code in enumerate(best["data"]):
        own = shares["data"][row * 10 : row * 10 + 10]
        assert codes["data"][own.index(max(own))] == code


def test_both_protocols_answer_alike(client: Client) -> None:
    ours = client.predict({"products": [{"title": "a"}, {"title": "b"}]}).json()["predictions"]
    outputs = client.request("POST", "/v2/models/aisle/infer", json={"inputs": [tensor()]}).json()["outputs"]
    assert [one["data"] for one in outputs] == [[p[name] for p in ours] for name in ("code", "name", "confidence")]


@pytest.mark.parametrize(
    ("method", "path", "details", "status"),
    [
        ("GET", "/v2/models/other", {}, 404),
        ("GET", "/v2/models/aisle/versions/2", {}, 404),
        ("GET", "/v2/models/aisle/versions/2/ready", {}, 404),
        ("GET", "/v2/nothing", {}, 404),
        ("PUT", "/v2", {}, 405),
        ("POST", "/v2/models/aisle/versions/9/infer", {"json": {"inputs": [tensor()]}}, 404),
        ("POST", "/v2/models/aisle/infer", {"json": {}}, 422),
        ("POST", "/v2/models/aisle/infer", {"content": b"{}", "headers": {"inference-header-content-length": "2"}}, 415),
        ("POST", "/v2/models/aisle/infer", {"content": b"{}", "headers": {"content-type": "text/plain"}}, 415),
    ],
)
def test_an_error_is_a_problem_that_its_clients_can_read(
    client: Client, method: str, path: str, details: dict[str, Any], status: int
) -> None:
    response = client.request(method, path, **details)
    assert response.status_code == status
    problem = response.json()
    assert problem["error"] == problem["detail"]
    assert problem["type"].startswith("urn:aisle:problem:")


def test_a_client_that_names_no_content_type_is_understood(client: Client) -> None:
    body = orjson.dumps({"inputs": [tensor()]})
    assert client.request("POST", "/v2/models/aisle/infer", content=body).status_code == 200
