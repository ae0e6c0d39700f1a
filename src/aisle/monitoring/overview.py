"""An overview of the catalogue: classes, missing values, languages and duplicates, in one pass over its rows."""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import and_, column, func, select, table

from aisle.digest import sha256
from aisle.features.language import detect_language
from aisle.features.normalise import normalise
from aisle.storage.database import Database
from aisle.storage.schema import products

_ROWS = 5_000
_TEXTS = ("title", "description", "brand")


@dataclass(frozen=True, slots=True)
class FieldOverview:
    """One field: how often it is missing, and its lengths in characters where it is not (0 where it always is)."""

    name: str
    missing: int
    median: int
    longest: int


@dataclass(frozen=True, slots=True)
class Overview:
    """What the catalogue holds.

    Args:
        products: Products in all.
        labelled: Products with a label.
        fields: Title, description, brand and image.
        languages: Products by language, commonest first.
        classes: Products by label, commonest first.
        duplicates: Products whose normalised title stands under another product that comes before.
        conflicts: Normalised titles that stand under several labels.
    """

    products: int
    labelled: int
    fields: tuple[FieldOverview, ...]
    languages: dict[str, int]
    classes: dict[str, int]
    duplicates: int
    conflicts: int


class _Tally:
    """Counts that grow row by row; a title costs 16 bytes or so, whatever its length."""

    def __init__(self) -> None:
        self.products = 0
        self.lengths = {name: array("q") for name in _TEXTS}
        self.images = 0
        self.languages: Counter[str] = Counter()
        self.classes: Counter[str] = Counter()
        self.titles: dict[int, str | None] = {}
        self.duplicates = 0
        self.conflicting: set[int] = set()

    def add(self, row: Any) -> None:
        """Count a row."""
        self.products += 1
        for name in _TEXTS:
            if (value := getattr(row, name)) is not None:
                self.lengths[name].append(len(value))
        self.images += row.image_sha256 is not None
        self.languages[detect_language(f"{row.title or ''} {row.description or ''}")] += 1
        if row.code is not None:
            self.classes[row.code] += 1
        # A title of tags or signs alone says nothing, and two of them are not the same product.
        if title := normalise(row.title or ""):
            self._add_title(int(sha256(title.encode())[:15], 16), row.code)

    def _add_title(self, key: int, code: str | None) -> None:
        if key not in self.titles:
            self.titles[key] = code
            return
        self.duplicates += 1
        known = self.titles[key]
        if known is None:
            self.titles[key] = code
        elif code is not None and code != known:
            self.conflicting.add(key)


def overview(
    database: Database, *, source: str | None = None, progress: Callable[[int, int], None] | None = None
) -> Overview:
    """Look over the catalogue, or over one source in it.

    Args:
        database: The catalogue.
        source: The source to look at; all of them by default.
        progress: Told the rows seen since the last call, and all there are.
    """
    labels = table("current_labels", *(column(name) for name in ("source", "split", "product_id", "code")))
    of_product = and_(
        labels.c.source == products.c.source, labels.c.split == products.c.split, labels.c.product_id == products.c.id
    )
    wanted = [] if source is None else [products.c.source == source]
    query = (
        select(*(products.c[name] for name in (*_TEXTS, "image_sha256")), labels.c.code)
        .select_from(products.outerjoin(labels, of_product))
        .where(*wanted)
        .order_by(products.c.id, products.c.source, products.c.split)
        .execution_options(stream_results=True, max_row_buffer=_ROWS)
    )
    tally = _Tally()
    with database.reading() as connection:
        total = connection.execute(select(func.count()).select_from(products).where(*wanted)).scalar_one()
        for part in connection.execute(query).partitions(_ROWS):
            for row in part:
                tally.add(row)
            if progress is not None:
                progress(len(part), total)
    fields = [_field(name, tally.products, tally.lengths[name]) for name in _TEXTS]
    fields.append(FieldOverview("image", tally.products - tally.images, 0, 0))
    return Overview(
        products=tally.products,
        labelled=sum(tally.classes.values()),
        fields=tuple(fields),
        languages=dict(tally.languages.most_common()),
        classes=dict(tally.classes.most_common()),
        duplicates=tally.duplicates,
        conflicts=len(tally.conflicting),
    )


def _field(name: str, rows: int, lengths: Iterable[int]) -> FieldOverview:
    found = np.asarray(lengths, dtype=np.int64)
    if not len(found):
        return FieldOverview(name, rows, 0, 0)
    return FieldOverview(name, rows - len(found), int(np.median(found)), int(found.max()))
