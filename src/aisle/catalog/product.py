"""A product: the one shape in which training, batch scoring and serving see the things they classify."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Product:
    """One product to classify; every field but the id may be missing, though not all at once.

    Args:
        id: The caller's name for it; answers carry it back.
        title: The designation, raw as the shop wrote it.
        description: The longer text, raw; about a third of real products have none.
        brand: The brand, where the shop keeps it apart.
        image: The image file's bytes.
    """

    id: str
    title: str | None = None
    description: str | None = None
    brand: str | None = None
    image: bytes | None = None
