"""From products to counts of hashed n-grams: which fields count, and how; the same for training, batch and request."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aisle.catalog.product import Product
from aisle.errors import BundleError, ModelError
from aisle.features.ngrams import Counts, Shape, count_ngrams
from aisle.features.normalise import Normalisation, normalise
from aisle.features.sparse import SparseRows

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_BLOCK = 8_192


@dataclass(frozen=True, slots=True)
class TextConfig:
    """How a product's text becomes features; a bundle carries it.

    Args:
        word_ngrams: Smallest and largest number of tokens in a word n-gram.
        char_ngrams: Smallest and largest number of characters in a character n-gram.
        bits: The n-grams are hashed into 2**bits buckets, one half for each kind.
        title_times: How often the title counts beside a description.
        description_words: So many tokens of the description count, from its start.
        normalisation: The rules of the text normalisation.

    Raises:
        ModelError: A number makes no sense.

    >>> TextConfig.from_json(TextConfig(bits=18).to_json()) == TextConfig(bits=18)
    True
    """

    word_ngrams: tuple[int, int] = (1, 2)
    char_ngrams: tuple[int, int] = (2, 5)
    bits: int = 21
    title_times: int = 2
    description_words: int = 200
    normalisation: Normalisation = field(default_factory=Normalisation)

    def __post_init__(self) -> None:
        for name in ("word_ngrams", "char_ngrams"):
            low, high = getattr(self, name)
            if not 1 <= low <= high <= 16:
                raise ModelError(f"{name} is {(low, high)}.", hint="Give two numbers between 1 and 16, the smaller first.")
        for name, low, high in (("bits", 8, 24), ("title_times", 1, 16), ("description_words", 0, 1_000_000)):
            if not low <= getattr(self, name) <= high:
                raise ModelError(f"{name} is {getattr(self, name)}.", hint=f"Give a number between {low} and {high}.")

    @property
    def shape(self) -> Shape:
        """What the compiled n-grams need to know."""
        return (*self.word_ngrams, *self.char_ngrams, self.bits)

    def to_json(self) -> dict[str, Any]:
        """Return the configuration as a JSON object."""
        return {
            **asdict(self),
            "word_ngrams": list(self.word_ngrams),
            "char_ngrams": list(self.char_ngrams),
            "normalisation": self.normalisation.to_json(),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "TextConfig":
        """Return the configuration that `to_json` wrote.

        Raises:
            BundleError: It is another version's, or no configuration at all.
        """
        try:
            return cls(
                **{
                    **value,
                    "word_ngrams": _pair(value["word_ngrams"]),
                    "char_ngrams": _pair(value["char_ngrams"]),
                    "normalisation": Normalisation.from_json(value["normalisation"]),
                }
            )
        except (TypeError, KeyError, ValueError, AttributeError, ModelError) as error:
            raise BundleError(
                f"The text configuration {value!r} cannot be used: {error}",
                hint="Use the release that made the bundle, or train again.",
            ) from None


def join_fields(product: Product, config: TextConfig) -> str:
    """Return the one normalised text of a product: title, brand and the beginning of the description.

    Beside a description the title counts several times, so that a long description does not drown it.

    >>> join_fields(Product("1", title="Jeu-Vidéo", description="<p>Très amusant !</p>"), TextConfig(title_times=2))
    'jeu video jeu video tres amusant'
    >>> join_fields(Product("2", title="Jeu-Vidéo", brand="SEGA"), TextConfig())
    'jeu video sega'
    """
    title = normalise(product.title or "", config.normalisation)
    brand = normalise(product.brand or "", config.normalisation)
    if not product.description:
        return f"{title} {brand}".strip()
    words = normalise(product.description, config.normalisation).split(" ", config.description_words)
    description = " ".join(words[: config.description_words])
    titles = [title] * (config.title_times if description else 1)
    return " ".join(part for part in (*titles, brand, description) if part)


class TextFeatures:
    """Products in, n-gram counts out.

    Args:
        config: How text becomes features.
    """

    def __init__(self, config: TextConfig) -> None:
        self.config = config

    def texts(self, products: Sequence[Product]) -> list[str]:
        """Return each product's normalised text."""
        return [join_fields(product, self.config) for product in products]

    def counts(self, products: Sequence[Product]) -> "csr_matrix":
        """Count the hashed n-grams of products, to learn from them.

        Returns:
            Occurrences, float32, (products, 2**bits), with each row's buckets rising and unique.
        """
        blocks = (self.texts(products[start : start + _BLOCK]) for start in _starts(len(products)))
        counts = self._counted(blocks).as_matrix()
        counts.has_canonical_format = True
        return counts

    def count_texts(self, texts: Sequence[str]) -> SparseRows:
        """Count the hashed n-grams of texts that `texts` gave, to answer; the outcome is that of `counts`."""
        return self._counted(texts[start : start + _BLOCK] for start in _starts(len(texts)))

    def _counted(self, blocks: Iterable[Sequence[str]]) -> SparseRows:
        counted = [count_ngrams(block, self.config.shape) for block in blocks]
        values, indices, indptr = _joined(counted)
        return SparseRows((indptr.size - 1, 1 << self.config.bits), indptr, indices, values)


def _starts(rows: int) -> range:
    # A block even where there is no row: its arrays are empty ones of the right kinds.
    return range(0, max(rows, 1), _BLOCK)


def _joined(blocks: Sequence[Counts]) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int64]]:
    if len(blocks) == 1:
        return blocks[0].values, blocks[0].indices, blocks[0].indptr
    lengths = np.concatenate([np.diff(block.indptr) for block in blocks])
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    return np.concatenate([b.values for b in blocks]), np.concatenate([b.indices for b in blocks]), indptr


def _pair(value: Sequence[int]) -> tuple[int, int]:
    low, high = value
    return int(low), int(high)
