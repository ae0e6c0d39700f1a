"""The bundle that serving is measured with: text of a catalogue, images that are drawn, made once and kept in `build/`."""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from aisle.catalog.product import Product
from aisle.features.image import ImageConfig, ImageFeatures
from aisle.features.text import TextFeatures
from aisle.models.bundle import BundleParts, write_bundle
from aisle.models.classifier import Classifier
from aisle.models.component import Component
from aisle.models.conformal import fit_conformal
from aisle.models.decisions import Decisions
from aisle.models.families import FAMILIES
from aisle.models.fusion_fit import fit_fusion
from aisle.models.manifest import FORMAT
from aisle.models.text_space_fit import TextOptions, fit_text_space
from aisle.models.thresholds import thresholds_by_cost
from benchmarks.catalogues import draw_products, read_challenge
from benchmarks.reporting import ROOT
from tests.catalogues import real_catalogues

ROWS = 12_000
CLASSES = 27
_PICTURES = 540


def titled_products() -> list[Product]:
    """Return the products that are asked about: real titles where there are any, without descriptions."""
    folder = real_catalogues()
    products = read_challenge(folder / "rakuten-14k")[0][:ROWS] if folder else draw_products(ROWS, seed=1)
    return [Product(product.id, title=product.title) for product in products]


def labels_of(products: list[Product]) -> np.ndarray:
    """Return classes of the catalogue's codes; of a synthetic catalogue, the rest of the id."""
    folder = real_catalogues()
    if folder is None:
        return np.array([int(product.id) % CLASSES for product in products], np.intp)
    codes = read_challenge(folder / "rakuten-14k")[1][: len(products)]
    return np.unique(codes, return_inverse=True)[1].astype(np.intp)


def picture(label: int, seed: int, size: int = 190) -> bytes:
    """Return a JPEG of about 10 kB whose colour tells the class a little."""
    generator = np.random.default_rng(seed)
    colour = np.array([(label * 37) % 256, (label * 91) % 256, (label * 151) % 256])
    coarse = generator.integers(-60, 60, (size // 2, size // 2, 3)).repeat(2, axis=0).repeat(2, axis=1)
    stream = BytesIO()
    Image.fromarray(np.clip(coarse + colour, 0, 255).astype(np.uint8)).save(stream, "JPEG", quality=62)
    return stream.getvalue()


def bundle_folder() -> Path:
    """Return the folder of the bundle, fitted at the first call."""
    folder = ROOT / "build" / "bench" / f"serving-bundle-{FORMAT}"
    if (folder / "manifest.json").is_file():
        return folder
    products = titled_products()
    labels = labels_of(products)
    half = len(products) * 3 // 4
    options = TextOptions()
    features = TextFeatures(options.config)
    space = fit_text_space(features.counts(products[:half]), labels[:half], CLASSES, options)
    svm = FAMILIES["svm"]
    matrix = space.matrix(features.counts(products[:half]))
    text = svm.fit(matrix, labels[:half], CLASSES, svm.options(), seed=1, jobs=2)
    seen = [picture(n % CLASSES, n) for n in range(_PICTURES)]
    looks = ImageFeatures.learn(seen, ImageConfig(), seed=1)
    shown = np.arange(_PICTURES) % CLASSES
    logistic = FAMILIES["logistic"]
    image = logistic.fit(looks.rows(seen).values, shown, CLASSES, logistic.options(), seed=1, jobs=2)
    judged = products[half:]
    pictured = [picture(int(label), 10_000 + n) for n, label in enumerate(labels[half : half + 300])]
    rows = looks.rows([*pictured, *[None] * (len(judged) - len(pictured))])
    scores = [text.scores(space.matrix(features.counts(judged))), image.scores(rows.values)]
    prior = (np.bincount(labels, minlength=CLASSES) / len(labels)).astype(np.float32)
    components = (
        Component("text-svm", "svm", "text", text),
        Component("image-logistic", "logistic", "image", image),
    )
    usable = [np.ones(len(judged), np.bool_), rows.seen]
    fusion = fit_fusion(scores, usable, labels[half:], prior, modalities=[one.modality for one in components])
    model = Classifier.from_parts(*Classifier(CLASSES, space, looks, components, fusion).to_parts(), CLASSES)
    sets = fit_conformal(model.answer(judged).probabilities, labels[half:], coverage=0.95)
    folder.parent.mkdir(parents=True, exist_ok=True)
    write_bundle(
        folder,
        BundleParts(
            model=model,
            decisions=Decisions(sets, thresholds_by_cost(CLASSES, wrong=1.0, review=0.4)),
            categories={str(2_000 + n): f"Category {n}" for n in range(CLASSES)},
            level=None,
            metrics={},
            profile={},
            card="# Measured\n",
            examples=judged[:200],
            snapshot="5" * 64,
            configuration="c" * 64,
            commit="unknown",
        ),
    )
    return folder
