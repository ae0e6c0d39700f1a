import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from aisle.catalog.product import Product
from aisle.errors import BundleError
from aisle.models.bundle import Bundle, write_bundle
from aisle.models.classifier import Classifier
from tests.unit.models.examples import WORDS, fitted, parts, picture, products


@pytest.fixture(scope="module")
def model() -> Classifier:
    """A classifier of texts and images."""
    return fitted(images=True)


@pytest.fixture(scope="module")
def bundle(model: Classifier, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The same as a bundle."""
    folder = tmp_path_factory.mktemp("pictured") / "bundle"
    write_bundle(folder, parts(model=model))
    return Bundle.load(folder)


def test_each_pattern_of_what_there_is_gets_an_answer(model: Classifier) -> None:
    items, labels = products(200, seed=5, images=True)
    stripped: dict[str, Callable[[Product], Product]] = {
        "both": lambda item: item,
        "text": lambda item: replace(item, image=None),
        "image": lambda item: replace(item, title=None),
    }
    found = {name: model.answer([strip(item) for item in items]) for name, strip in stripped.items()}
    for name, answers in found.items():
        assert (answers.probabilities.argmax(axis=1) == labels).mean() > 0.95, name
        assert answers.probabilities.dtype == np.float32
        assert np.allclose(answers.probabilities.sum(axis=1), 1, atol=1e-5)
    assert (found["text"].written.all(), found["text"].seen.any()) == (True, False)
    assert (found["image"].written.any(), found["image"].seen.all()) == (False, True)


def test_an_image_that_says_otherwise_moves_the_answer(model: Classifier) -> None:
    codes = sorted(WORDS)
    title = "livre poche roman"
    alone = model.answer([Product("1", title=title)]).probabilities[0]
    agreeing = model.answer([Product("1", title=title, image=picture("10", 9))]).probabilities[0]
    opposing = model.answer([Product("1", title=title, image=picture("2583", 9))]).probabilities[0]
    book = codes.index("10")
    assert opposing[book] < alone[book]
    assert opposing[book] < agreeing[book]


def test_nothing_to_go_by_is_the_prior(model: Classifier) -> None:
    found = model.answer([Product("1"), Product("2", title=" <br/> ", image=b"no picture")])
    assert np.array_equal(found.probabilities[0], found.probabilities[1])
    assert np.array_equal(found.probabilities[0], model.fusion.prior)
    assert found.problems[0] is None
    assert found.problems[1]


def test_a_broken_image_is_told_and_the_text_answers(bundle: Bundle) -> None:
    whole, broken = bundle.predict([Product("1", title="livre"), Product("1", title="livre", image=picture("50", 1)[:200])])
    assert broken.image_problem
    assert broken.modalities == ("text",)
    assert msgspec.structs.replace(broken, image_problem=None) == whole


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_product_is_answered_alone_as_among_others(model: Classifier, seed: int) -> None:
    generator = np.random.default_rng(seed)
    items, _ = products(40, seed=seed, images=True)
    items = [
        replace(item, title=item.title if keep[0] else None, image=item.image if keep[1] else None)
        for item, keep in zip(items, generator.random((40, 2)) < 0.6, strict=True)
    ]
    together = model.answer(items).probabilities
    for place in range(40):
        assert np.allclose(model.answer([items[place]]).probabilities[0], together[place], atol=1e-6)


def test_no_products_are_no_answers(model: Classifier) -> None:
    assert model.answer([]).probabilities.shape == (0, len(WORDS))


def test_a_bundle_says_what_each_answer_rests_on(bundle: Bundle) -> None:
    assert bundle.modalities == ("text", "image")
    image = picture("2583", 4)
    asked = [Product("1", title="pompe"), Product("2", image=image), Product("3", title="pompe", image=image), Product("4")]
    answers = bundle.predict(asked)
    assert [answer.modalities for answer in answers] == [("text",), ("image",), ("text", "image"), ()]
    assert [answer.review for answer in answers][3] == "nothing to go by"
    for answer in answers[:3]:
        assert answer.code == "2583"
        assert answer.code in answer.prediction_set
        assert answer.review in {None, "not confident"}
        assert (answer.review is None) == (answer.confidence >= 0.6)


def test_nothing_is_lost_by_saving(model: Classifier) -> None:
    schema, files = model.to_parts()
    again = Classifier.from_parts(schema, files, len(WORDS))
    items, _ = products(60, seed=8, images=True)
    assert np.array_equal(again.answer(items).probabilities, model.answer(items).probabilities)
    assert again.to_parts() == (schema, files)


@pytest.mark.parametrize(
    "damage",
    [
        lambda schema: schema.update(image=None),
        lambda schema: schema.update(text=None),
        lambda schema: schema.update(fusion=None),
        lambda schema: schema["components"].pop(),
        lambda schema: schema["components"].append(schema["components"][0]),
        lambda schema: schema["components"][0].pop("scorer"),
        lambda schema: schema["components"][1].update(image_weight=float("nan")),
    ],
)
def test_a_schema_that_does_not_fit_is_refused(model: Classifier, damage: Callable[[Any], object]) -> None:
    schema, files = model.to_parts()
    damage(schema)
    with pytest.raises(BundleError):
        Classifier.from_parts(schema, files, len(WORDS))


@pytest.mark.parametrize("name", ["text/columns.npz", "image/images.npz", "fusion/fusion.npz", "image-logistic/weights.npz"])
@pytest.mark.parametrize("data", [None, b"", b"PK"])
def test_files_that_are_missing_or_damaged_are_refused(model: Classifier, name: str, data: bytes | None) -> None:
    schema, files = model.to_parts()
    left = {file: content for file, content in files.items() if file != f"weights/{name}"}
    assert len(left) == len(files) - 1
    with pytest.raises(BundleError):
        Classifier.from_parts(schema, left if data is None else {**left, f"weights/{name}": data}, len(WORDS))


def test_answering_needs_nothing_that_fits(bundle: Bundle, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    write_bundle(folder, parts(model=fitted(images=True)))
    code = (
        "import sys; from pathlib import Path\n"
        "from aisle.catalog.product import Product; from aisle.models.bundle import Bundle\n"
        "assert Bundle.load(Path(sys.argv[1])).predict([Product('1', title='livre')])[0].code == '10'\n"
        "print([name for name in ('sklearn', 'xgboost', 'torch', 'scipy.optimize', 'mlflow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"
