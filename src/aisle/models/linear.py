"""The linear text classifier as it answers: TF-IDF of hashed n-grams, one weight per column and class, softmax.

Nothing here fits anything: a process that only answers imports neither scikit-learn nor an optimiser.
"""

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.catalog.product import Product
from aisle.errors import BundleError
from aisle.features.ngrams import score_texts
from aisle.features.text import TextConfig, TextFeatures
from aisle.features.tfidf import TfidfColumns
from aisle.models.calibration import softmax

Floats = NDArray[np.float32]

KIND = "linear-text"
"""What this model is called in a bundle's schema."""

WEIGHTS = "weights/linear.npz"
"""The file of its arrays."""

_STORED = {"columns": np.int32, "idf": np.float32, "weights": np.float16, "bias": np.float32, "prior": np.float32}
_AGAIN = "Fetch the bundle again, or train again."


@dataclass(frozen=True)
class LinearText:
    """A fitted linear text classifier; several threads may use it at once.

    Args:
        config: How a product's text becomes n-grams.
        columns: The n-grams that count, and how much.
        weights: (columns, classes), each a number that float16 holds, so that saving loses nothing.
        bias: (classes,).
        prior: Share of each class, (classes,): the answer for products without a text.
        temperature: What scores are divided by before the softmax.
    """

    config: TextConfig
    columns: TfidfColumns
    weights: Floats
    bias: Floats
    prior: Floats
    temperature: float

    def score(self, products: Sequence[Product]) -> Floats:
        """Return scores before the softmax, (products, classes)."""
        return self._score(TextFeatures(self.config).texts(products))

    def answer(self, products: Sequence[Product]) -> tuple[Floats, NDArray[np.bool_]]:
        """Return probabilities, (products, classes), and whether they rest on a text, (products,)."""
        texts = TextFeatures(self.config).texts(products)
        probabilities = softmax(self._score(texts), self.temperature)
        written = np.fromiter((bool(text) for text in texts), np.bool_, len(texts))
        probabilities[~written] = self.prior
        return probabilities, written

    def to_parts(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Return the model as what its schema says, as JSON, and its files' bytes by name."""
        arrays = {
            "columns": self.columns.columns,
            "idf": self.columns.idf,
            "weights": self.weights,
            "bias": self.bias,
            "prior": self.prior,
        }
        stream = io.BytesIO()
        np.savez(stream, allow_pickle=False, **{name: array.astype(_STORED[name]) for name, array in arrays.items()})
        schema = {"kind": KIND, "temperature": self.temperature, "text": self.config.to_json()}
        return schema, {WEIGHTS: stream.getvalue()}

    @classmethod
    def from_parts(cls, schema: Mapping[str, Any], files: Mapping[str, bytes], classes: int) -> "LinearText":
        """Return the model that `to_parts` gave.

        Args:
            schema: What the bundle's schema says of the model.
            files: The bundle's files.
            classes: How many classes the bundle has.

        Raises:
            BundleError: A part is missing, or is not such as `to_parts` gives.
        """
        config, temperature = TextConfig.from_json(schema["text"]), schema["temperature"]
        if not (isinstance(temperature, float) and np.isfinite(temperature) and temperature > 0):
            raise BundleError(f"The temperature {temperature!r} in schema.json is no positive number.", hint=_AGAIN)
        arrays = _arrays(files)
        columns, weights = arrays["columns"].size, arrays["weights"]
        shapes = {"weights": (columns, classes), "bias": (classes,), "prior": (classes,)}
        for name, shape in shapes.items():
            if arrays[name].shape != shape:
                raise _damaged(f"{name} is of shape {arrays[name].shape} instead of {shape}")
            if not np.isfinite(arrays[name]).all():
                raise _damaged(f"{name} holds what is no number")
        prior = arrays["prior"]
        if (prior < 0).any() or abs(float(prior.sum()) - 1) > 1e-3:
            raise _damaged("prior is no distribution")
        return cls(
            config,
            TfidfColumns.from_arrays(arrays["columns"], arrays["idf"], config.bits),
            weights.astype(np.float32),
            arrays["bias"],
            prior,
            temperature,
        )

    def _score(self, texts: Sequence[str]) -> Floats:
        return score_texts(
            texts, self.config.shape, table=self.columns.table, idf=self.columns.idf, weights=self.weights, bias=self.bias
        )


def _arrays(files: Mapping[str, bytes]) -> dict[str, NDArray[Any]]:
    if WEIGHTS not in files:
        raise BundleError(f"The bundle has no {WEIGHTS}.", hint=_AGAIN)
    try:
        with np.load(io.BytesIO(files[WEIGHTS]), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise _damaged(f"cannot be read ({error})") from error
    if {name: array.dtype for name, array in arrays.items()} != {name: np.dtype(kind) for name, kind in _STORED.items()}:
        raise _damaged(f"holds {sorted(arrays)} instead of {sorted(_STORED)}, or other kinds of numbers")
    return arrays


def _damaged(what: str) -> BundleError:
    return BundleError(f"In the bundle, {WEIGHTS}: {what}.", hint=_AGAIN)
