"""The text side of a classifier: how products become TF-IDF, and what linear models on it need to answer."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from aisle.catalog.product import Product
from aisle.errors import BundleError
from aisle.features.linear_texts import LinearTexts, Stepped
from aisle.features.sparse import SparseRows
from aisle.features.text import TextConfig, TextFeatures
from aisle.features.tfidf import TfidfColumns
from aisle.models.family import Files, Floats
from aisle.models.weights import stored_arrays

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

COLUMNS = "columns.npz"
"""The file of its arrays."""

_STORED = {"columns": np.int32, "idf": np.float32}
_AGAIN = "Fetch the bundle again, or train again."


@dataclass(frozen=True)
class TextSpace:
    """The fitted features of texts; several threads may use it at once.

    Args:
        config: How a product's text becomes n-grams.
        columns: The n-grams that count, and how much.
        char_weight: What character n-grams count beside word n-grams.
    """

    config: TextConfig
    columns: TfidfColumns
    char_weight: float

    @property
    def width(self) -> int:
        """How many columns there are."""
        return int(self.columns.columns.size)

    @cached_property
    def scale(self) -> Floats:
        """What each column is multiplied by after TF-IDF, (columns,): the weight of its kind of n-gram."""
        scale = np.ones(self.width, np.float32)
        scale[self.columns.word_columns :] = self.char_weight
        return scale

    def texts(self, products: Sequence[Product]) -> list[str]:
        """Return each product's normalised text."""
        return TextFeatures(self.config).texts(products)

    def matrix(self, counts: "csr_matrix") -> "csr_matrix":
        """Return the features of counted texts, to learn from them, float32, (texts, columns).

        Args:
            counts: Occurrences, (texts, 2**bits), as `TextFeatures.counts` gives them.
        """
        matrix = self.columns.transform(counts)
        matrix.data *= self.scale[matrix.indices]
        return matrix

    def rows(self, texts: Sequence[str]) -> SparseRows:
        """Return the features of texts that `texts` gave, to answer; the outcome is that of `matrix`."""
        rows = self.columns.weigh(TextFeatures(self.config).count_texts(texts))
        return replace(rows, data=rows.data * self.scale[rows.indices])

    def models(self, models: Sequence[Stepped]) -> LinearTexts:
        """Return linear models on these features, laid out to score texts without making the matrix.

        Args:
            models: Their weights on the features, (columns, outputs), and intercepts.
        """
        return LinearTexts.of(self.config.shape, self.columns, models, self.scale)

    def to_parts(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Return the space as what a schema says of it, as JSON, and its files' bytes by name."""
        stream = io.BytesIO()
        np.savez(stream, allow_pickle=False, columns=self.columns.columns, idf=self.columns.idf)
        return {"config": self.config.to_json(), "char_weight": float(self.char_weight)}, {COLUMNS: stream.getvalue()}

    @classmethod
    def from_parts(cls, settings: Mapping[str, Any], files: Files) -> "TextSpace":
        """Return the space that `to_parts` gave.

        Raises:
            BundleError: A part is missing, or is not such as `to_parts` gives.
        """
        try:
            config, weight = TextConfig.from_json(settings["config"]), settings["char_weight"]
        except (KeyError, TypeError) as error:
            raise BundleError(f"schema.json does not say how texts are read ({error!r}).", hint=_AGAIN) from error
        if not (isinstance(weight, float) and np.isfinite(weight) and weight > 0):
            raise BundleError(f"The weight {weight!r} of character n-grams is no positive number.", hint=_AGAIN)
        arrays = stored_arrays(files, COLUMNS, _STORED)
        return cls(config, TfidfColumns.from_arrays(arrays["columns"], arrays["idf"], config.bits), weight)
