"""Simple properties of a product, for statistics and for watching a catalogue change."""

from dataclasses import dataclass

from aisle.catalog.product import Product
from aisle.features.language import Language, detect_language
from aisle.features.normalise import DEFAULT, has_html, normalise


@dataclass(frozen=True, slots=True)
class ImageProperties:
    """What is known of a product's image without looking at its pixels.

    Args:
        width: In pixels.
        height: In pixels.
        size: Of the file, in bytes.
    """

    width: int
    height: int
    size: int

    @property
    def aspect(self) -> float:
        """Width divided by height; 0 for an image without any height."""
        return self.width / self.height if self.height else 0.0


@dataclass(frozen=True, slots=True)
class Properties:
    """What a product looks like from outside.

    Args:
        title_chars: Length of the raw title, in characters.
        description_chars: Length of the raw description, in characters.
        title_words: Tokens of the normalised title.
        missing_description: Whether there is none, or nothing but white space.
        html_residue: Whether title or description hold tags or entities.
        language: Of title and description together.
        image: Of the image, where there is one.
    """

    title_chars: int
    description_chars: int
    title_words: int
    missing_description: bool
    html_residue: bool
    language: Language
    image: ImageProperties | None = None


def describe(product: Product, image: ImageProperties | None = None) -> Properties:
    """Return a product's properties.

    Args:
        product: Raw, as the shop wrote it.
        image: What whoever decoded the image found out about it.

    >>> describe(Product("1", title="Housse pour l&#39;été")).html_residue
    True
    """
    title, description = product.title or "", product.description or ""
    return Properties(
        title_chars=len(title),
        description_chars=len(description),
        title_words=len(normalise(title, DEFAULT).split()),
        missing_description=not description.strip(),
        html_residue=has_html(title) or has_html(description),
        language=detect_language(f"{title} {description}"),
        image=image,
    )
