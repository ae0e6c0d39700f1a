"""Simple properties of a product, for statistics and for watching a catalogue change."""

from dataclasses import dataclass

from aisle.catalog.jpeg import jpeg_size
from aisle.catalog.png import png_size
from aisle.catalog.product import Product
from aisle.errors import ImageProblem
from aisle.features.language import Language, detect_language
from aisle.features.marks import title_marks
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

    @classmethod
    def of(cls, data: bytes) -> "ImageProperties":
        """Return what an image file's header tells; of formats other than JPEG and PNG that is the size alone."""
        width, height = 0, 0
        try:
            if data.startswith(b"\xff\xd8\xff"):
                width, height = jpeg_size(data)
            elif data.startswith(b"\x89PNG"):
                width, height = png_size(data)
        except ImageProblem:
            pass  # whoever decodes it says so
        return cls(width, height, len(data))


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
        title_marks: Marks of the title's tokens.
        image: Of the image, where there is one.
    """

    title_chars: int
    description_chars: int
    title_words: int
    missing_description: bool
    html_residue: bool
    language: Language
    title_marks: str
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
    words = normalise(title, DEFAULT).split()
    return Properties(
        title_chars=len(title),
        description_chars=len(description),
        title_words=len(words),
        missing_description=not description.strip(),
        html_residue=has_html(title) or has_html(description),
        language=detect_language(f"{title} {description}"),
        title_marks=title_marks(words),
        image=image,
    )
