"""A server in the surroundings of its image: only what requirements/serving.txt locks is there, and everything answers."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import polars as pl
import pytest
from sqlalchemy import insert

from aisle.bootstrap import Application
from aisle.catalog.product import Product
from aisle.configuration import load_settings
from aisle.features.image import ImageConfig, ImageFeatures
from aisle.features.sparse import SparseRows
from aisle.features.text import TextFeatures
from aisle.models.bundle import Bundle, write_bundle
from aisle.models.classifier import Classifier
from aisle.models.component import MODALITIES, Component, joined
from aisle.models.families import FAMILIES
from aisle.models.fusion_fit import fit_fusion
from aisle.models.options import BoostingOptions, ForestOptions
from aisle.models.text_space_fit import fit_text_space
from aisle.monitoring.answers import Answered, answer_rows
from aisle.registry.bundles import publish
from aisle.registry.keys import SCOPES
from aisle.review.fill import Shares, fill
from aisle.storage.bulk import insert_frame
from aisle.storage.schema import products, sources
from tests.integration.locked_server import ROOT, distributions, left_out, locked
from tests.unit.models.deep.nets import random_net
from tests.unit.models.examples import SMALL, WORDS, parts, picture
from tests.unit.models.examples import products as made_up

SPARED = {"matplotlib", "mlflow", "pandas", "polars", "pyarrow", "scipy", "sklearn", "torch", "xgboost"}
PATIENCE_S = 240
"""A slow machine compiles every kernel first."""

pytestmark = pytest.mark.timeout(600)


def every_family() -> Classifier:
    """Return a classifier with a component of each family on texts, on images and on both."""
    items, labels = made_up(90, images=True)
    text = fit_text_space(TextFeatures(SMALL.config).counts(items), labels, len(WORDS), SMALL)
    looks = ImageFeatures.learn([item.image for item in items if item.image], ImageConfig(), seed=1)
    seen = np.arange(len(items)) % 3 > 0
    pictures = looks.rows([item.image if there else None for item, there in zip(items, seen, strict=True)]).values
    grams = text.rows(text.texts(items))
    few = {"forest": ForestOptions(trees=5), "boosting": BoostingOptions(rounds=3)}
    components, scores, usable = [], [], []
    for family in FAMILIES.values():
        for modality in MODALITIES:
            rows = joined(lambda: grams, pictures, seen, modality)
            matrix = rows.as_matrix() if isinstance(rows, SparseRows) else rows
            if family.name == "deep":
                scorer = random_net(matrix, labels)
            else:
                options = few.get(family.name, family.options())
                scorer = family.fit(matrix, labels, len(WORDS), options, seed=1, jobs=1)
            components.append(Component(f"{modality}-{family.name}", family.name, modality, scorer))
            scores.append(scorer.scores(matrix))
            usable.append(seen if modality == "image" else np.ones(len(items), np.bool_))
    prior = (np.bincount(labels) / len(items)).astype(np.float32)
    fusion = fit_fusion(scores, usable, labels, prior, modalities=[one.modality for one in components])
    return Classifier.from_parts(*Classifier(len(WORDS), text, looks, tuple(components), fusion).to_parts(), len(WORDS))


@dataclass(frozen=True)
class Served:
    """A server that runs.

    Args:
        url: Its address.
        key: A key that may do everything.
        bundle: Its champion, loaded here, where every library is.
        log: What it says.
        modules: Where it writes what it had imported, at its end.
        process: It.
    """

    url: str
    key: str
    bundle: Bundle
    log: Path
    modules: Path
    process: "subprocess.Popen[bytes]"

    def told(self) -> str:
        """Return the end of its log."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-6_000:]

    def client(self) -> httpx.Client:
        """Return a client with the key."""
        return httpx.Client(base_url=self.url, headers={"authorization": f"Bearer {self.key}"}, timeout=PATIENCE_S)


def furnished(home: Path) -> tuple[str, Bundle]:
    """Make a home with a champion of every family, and a product with an image to review; return a key and the champion."""
    application = Application(load_settings({"AISLE_HOME": str(home)}, folder=home))
    for bucket in (application.settings.objects.image_bucket, application.settings.objects.artifact_bucket):
        application.objects.create_bucket(bucket)
    model = every_family()
    write_bundle(home / "made", parts(model=model))
    digest = publish(application.artifacts, home / "made")
    application.ledger.add_model(1, digest, "5" * 64, "run-1", {"weighted_f1": 0.9})
    application.ledger.promote(1, actor="test", reason="The first.", evidence={}, expected=None)
    application.images.put("x_train/a.jpg", picture("50", 7))
    row = {
        "source": "shop",
        "split": "train",
        "row": 0,
        "load_id": 1,
        "id": "P-1",
        "title": "manette",
        "image_name": "a.jpg",
    }
    with application.database.transaction() as connection:
        about = {"layout": "challenge", "mapping": "{}", "sample": "", "image_prefix": ""}
        connection.execute(insert(sources).values(name="shop", **about))
        insert_frame(connection, products, pl.DataFrame([row]))
    bundle = Bundle.load(home / "made")
    asked = [Product("P-1", title="manette")]
    unsure = [bundle.predict(asked)[0]]
    answered = Answered("r-1", datetime.now(UTC), 0.001, 1, digest, asked, unsure)
    application.prediction_log.write(answer_rows([answered], keep_text=False))
    fill(application.database, datetime.now(UTC) - timedelta(days=1), Shares(drawn=1, double=0))
    _, key = application.keys.create("all", scopes=SCOPES, requests_per_minute=None, expires_at=None)
    application.close()
    return key, bundle


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server without the libraries of training; `test_no_kernel_multiplies_matrices` is about compiling without them."""
    folder = tmp_path_factory.mktemp("slim")
    (folder / "home").mkdir()
    key, bundle = furnished(folder / "home")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AISLE_")}
    environment |= {"AISLE_HOME": str(folder / "home"), "AISLE_LOG_FORMAT": "json", "PYTHONPATH": str(ROOT)}
    log, modules = folder / "log", folder / "modules.json"
    command = [sys.executable, "-m", "tests.integration.locked_server", str(modules), "0"]
    with log.open("wb") as said, subprocess.Popen(command, cwd=folder, env=environment, stdout=said, stderr=said) as process:
        try:
            url = address(log, process)
            yield Served(url, key, bundle, log, modules, process)
        finally:
            process.kill()


def address(log: Path, process: "subprocess.Popen[bytes]") -> str:
    """Wait until the server is ready, and return where it listens."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        text = log.read_text(encoding="utf-8", errors="replace")
        assert process.poll() is None, f"the server ended with {process.returncode}:\n{text[-6_000:]}"
        if found := re.search(r'"url": ?"(http://[^"]+)"', text):
            try:
                if httpx.get(f"{found[1]}/health/ready", timeout=10).is_success:
                    return found[1]
            except httpx.TransportError:
                pass
        time.sleep(0.1)
    raise AssertionError(f"the server was not ready within {PATIENCE_S} s:\n{log.read_text(errors='replace')[-6_000:]}")


def asked() -> list[dict[str, str]]:
    """Return products as JSON: with a text, with an image, with both."""
    image = base64.b64encode(picture("2583", 1)).decode()
    return [{"title": "pompe piscine liner 7"}, {"image": image}, {"title": "livre poche tome 3", "image": image}]


def as_product(sent: dict[str, str]) -> Product:
    image = sent.get("image")
    return Product("0", title=sent.get("title"), image=base64.b64decode(image) if image else None)


@pytest.mark.parametrize("sent", asked(), ids=["text", "image", "both"])
def test_a_product_is_answered_as_by_the_bundle_beside_every_library(served: Served, sent: dict[str, str]):
    with served.client() as client:
        answer = client.post("/v1/predictions", json=sent)
    assert answer.status_code == 200, served.told()
    told = answer.json()["predictions"][0]
    (expected,) = served.bundle.predict([as_product(sent)])
    assert told["code"] == expected.code
    assert told["confidence"] == pytest.approx(expected.confidence, abs=1e-6)
    assert set(told["modalities"]) == set(expected.modalities)


def test_many_products_are_answered(served: Served):
    with served.client() as client:
        answer = client.post("/v1/predictions", json={"products": asked() * 30})
        assert answer.status_code == 200, served.told()
        lines = b"\n".join(json.dumps(one).encode() for one in asked() * 30)
        stream = client.post("/v1/predictions/stream", content=lines, headers={"content-type": "application/x-ndjson"})
    assert len(answer.json()["predictions"]) == 90
    assert stream.status_code == 200, served.told()


def test_an_explanation_feedback_and_every_document_are_answered(served: Served):
    with served.client() as client:
        told = client.post("/v1/explanations", json={"product": asked()[2], "terms": 5})
        assert told.status_code == 200, served.told()
        said = client.post("/v1/feedback", json={"request_id": "r-1", "code": "10"})
        assert said.status_code == 200, said.text + served.told()
        for path in ("/metrics", "/openapi.json", "/docs", "/v1/models", "/v1/categories", "/v2/health/ready", "/version"):
            assert client.get(path).status_code == 200, path + served.told()


def test_every_room_of_the_console_is_shown(served: Served):
    with httpx.Client(base_url=f"{served.url}/console", timeout=PATIENCE_S, follow_redirects=True) as browser:
        page = browser.post("/sign-in", data={"key": served.key, "next": ""})
        assert page.status_code == 200, served.told()
        token = re.findall(r'name="csrf" value="([^"]+)"', page.text)[0]
        upload = {"image": ("a.jpg", picture("10", 3), "image/jpeg")}
        tried = browser.post("/try", data={"csrf": token, "title": "livre poche", "description": ""}, files=upload)
        assert tried.status_code == 200, tried.text[-2_000:] + served.told()
        for path in ("/try", "/review", "/review/1/image", "/models", "/operations", "/catalogue", "/drift"):
            shown = browser.get(path)
            assert shown.status_code == 200, f"{path}: {shown.status_code}\n{served.told()}"


def test_what_it_imported_is_locked_for_its_image(served: Served):
    """It comes last: it ends the server, which then tells what it had imported."""
    with served.client() as client:
        assert client.post("/v1/predictions", json=asked()[2]).status_code == 200
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(PATIENCE_S) == 0, served.told()
    # What waited for the prediction log was written, row by row.
    assert '"dropped"' not in served.told()
    imported, known, image = set(json.loads(served.modules.read_text())), distributions(), {*locked(), "aisle"}
    assert {"aisle", "numba", "numpy", "sqlalchemy"} <= imported
    strange = {name: known[name] for name in imported if name in known and not known[name] & image}
    assert strange == {}


def test_the_image_is_spared_what_only_training_uses():
    assert not SPARED & locked()
    assert "scikit-learn" not in locked()
    assert SPARED - {"torch"} <= left_out()
