"""Other protocols on a real server process: an Open Inference client, and MLflow's own scoring code as the oracle."""

import base64
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from aisle.models.bundle import Bundle, write_bundle
from aisle.registry.mlflow.package import save_package
from tests.integration.serving_process import serving_process
from tests.unit.models.examples import fitted, parts, picture

TITLES = ["Pompe de piscine", "Le tome 2 du roman", "Manette sans fil", "D'Artagnan 漫画 🎮"]
PICTURE = base64.b64encode(picture("50", 3)).decode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("protocols") / "bundle"
    write_bundle(made, parts(model=fitted(images=True)))
    return made


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[httpx.Client]:
    with serving_process(folder, max_products=200) as started, httpx.Client(base_url=started.url, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def oracle(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What MLflow's own server answers: its function of a body and a content type, with the model as it loads it."""
    saved = tmp_path_factory.mktemp("mlflow") / "model"
    with warnings.catch_warnings():
        # MLflow warns about itself as it is imported.
        warnings.simplefilter("ignore")
        import mlflow
        from mlflow.pyfunc import scoring_server

        save_package(mlflow, mlflow.models.Model(), folder, saved)
        model = mlflow.pyfunc.load_model(str(saved))

    def answer(body: str, content_type: str) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            told = scoring_server.invocations(body, content_type, model, model.metadata.get_input_schema())
        assert told.status == 200, told.response
        return json.loads(told.response)

    return answer


ROWS: list[dict[str, Any]] = [
    {"id": "a", "title": TITLES[0], "description": None, "brand": "Bestway"},
    {"id": "b", "title": TITLES[1], "description": "édition de poche", "brand": None},
    {"id": "c", "title": None, "description": None, "brand": None},
    {"id": "d", "title": "", "description": None, "brand": None},
    {"id": "e", "title": TITLES[3], "description": "x" * 5_000, "brand": None},
]
COLUMNS = list(ROWS[0])
BODIES = {
    "records": {"dataframe_records": ROWS},
    "split": {"dataframe_split": {"columns": COLUMNS, "data": [[row[name] for name in COLUMNS] for row in ROWS]}},
    "split with index": {"dataframe_split": {"columns": ["title"], "index": [7, 3], "data": [["Piscine"], ["Roman"]]}},
    # A column of images must not have gaps in MLflow.
    "images": {"dataframe_records": [{"title": TITLES[0], "image": PICTURE}, {"title": None, "image": PICTURE}]},
    "inputs": {"inputs": {"title": TITLES}},
    "inputs and params": {"dataframe_records": [{"title": "Piscine"}], "params": {}},
    "instances": {"instances": [{"title": title} for title in TITLES]},
    "one row": {"inputs": {"title": [TITLES[0]]}},
}


@pytest.mark.parametrize("form", BODIES)
def test_mlflow_itself_answers_the_same(client: httpx.Client, oracle: Any, form: str) -> None:
    body = json.dumps(BODIES[form])
    theirs = oracle(body, "application/json")
    ours = client.post("/invocations", content=body.encode(), headers={"content-type": "application/json"})
    assert ours.status_code == 200
    assert_alike(ours.json(), theirs)


@pytest.mark.parametrize("body", ["title,brand\nPiscine ronde,Intex\nRoman,\n", 'id,title\n1,"a, b"\n2,None\n3,""\n'])
def test_mlflow_itself_answers_csv_the_same(client: httpx.Client, oracle: Any, body: str) -> None:
    theirs = oracle(body, "text/csv")
    ours = client.post("/invocations", content=body.encode(), headers={"content-type": "text/csv"})
    assert ours.status_code == 200
    assert_alike(ours.json(), theirs)


def assert_alike(ours: Any, theirs: Any) -> None:
    assert ours.keys() == theirs.keys() == {"predictions"}
    assert [(one["code"], one["name"]) for one in ours["predictions"]] == [
        (one["code"], one["name"]) for one in theirs["predictions"]
    ]
    confidences = [[one["confidence"] for one in answer["predictions"]] for answer in (ours, theirs)]
    # Rows that were scored together may differ from rows scored apart in the last bit of a float32.
    assert confidences[0] == pytest.approx(confidences[1], abs=1e-6)


def test_an_open_inference_client_finds_its_way(client: httpx.Client, folder: Path) -> None:
    assert client.get("/v2/health/ready").json() == {"ready": True}
    assert client.get("/v2").json()["extensions"] == []
    model = client.get("/v2/models/aisle").json()
    assert {tensor["name"] for tensor in model["inputs"]} == {"title", "description", "brand", "image"}
    assert client.get(f"/v2/models/aisle/versions/{model['versions'][0]}/ready").json()["ready"] is True
    images = ["", PICTURE, "", ""]
    body = {
        "id": "r-1",
        "inputs": [
            {"name": "title", "shape": [4, 1], "datatype": "BYTES", "data": TITLES},
            {"name": "image", "shape": [4], "datatype": "BYTES", "data": images},
        ],
        "outputs": [{"name": "code"}, {"name": "confidence"}, {"name": "categories"}, {"name": "probabilities"}],
    }
    answer = client.post("/v2/models/aisle/infer", json=body).json()
    data = {tensor["name"]: tensor["data"] for tensor in answer["outputs"]}
    products = {"products": [{"title": t, **({"image": i} if i else {})} for t, i in zip(TITLES, images, strict=True)]}
    plain = client.post("/v1/predictions", json=products).json()["predictions"]
    assert data["code"] == [one["code"] for one in plain]
    assert data["confidence"] == pytest.approx([one["confidence"] for one in plain], abs=1e-6)
    bundle = Bundle.load(folder)
    assert data["categories"] == list(bundle.categories)
    assert sum(data["probabilities"]) == pytest.approx(4, abs=1e-4)


def test_an_explanation_adds_up_and_is_of_the_answer(client: httpx.Client) -> None:
    product = {"id": "A-1", "title": "Pompe de piscine et roman", "image": PICTURE}
    answer = client.post("/v1/predictions", json=product).json()["predictions"][0]
    told = client.post("/v1/explanations", json={"product": product}).json()["explanation"]
    assert (told["code"], told["id"]) == (answer["code"], "A-1")
    assert told["probability"] == pytest.approx(answer["confidence"], abs=1e-6)
    assert told["score"] == pytest.approx(told["offset"] + sum(c["contribution"] for c in told["components"]), abs=1e-4)
    assert [one["modality"] for one in told["modalities"]] == ["text", "image"]
    other = client.post("/v1/explanations", json={"product": product, "code": "10", "terms": 3}).json()["explanation"]
    assert other["code"] == "10"
    assert "roman" in [term["ngram"] for term in other["texts"][0]["pro"]]
