"""Scoring many products: a file of them, or a split of the catalogue, by the champion."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Row, func, select

from aisle.catalog.archive import ImageArchive, open_image_path
from aisle.catalog.challenge import IMAGE_NAME
from aisle.catalog.image_keys import image_key
from aisle.catalog.mapping import ROW_NUMBER, template_columns
from aisle.catalog.product import Product
from aisle.catalog.rows import column_names, inspect_file, read_rows
from aisle.errors import ImageProblem, InputError, ObjectNotFound
from aisle.models.bundle import Bundle
from aisle.models.prediction import Prediction
from aisle.pipeline.context import Context
from aisle.pipeline.table_files import table_writer
from aisle.storage.schema import loads, products, sources

SPELLINGS: dict[str, tuple[str, ...]] = {
    "id": ("id", "product_id", "sku", ""),
    "title": ("title", "designation", "name", "Libelle"),
    "description": ("description", "Description"),
    "brand": ("brand", "Marque"),
    "image": ("image", "image_name"),
}
"""Under which names a file's columns are understood without being told, the plainest first."""

_BATCH = 2_000


@dataclass(frozen=True, slots=True)
class ScoringReport:
    """What became of a scoring.

    Args:
        rows: Answers written.
        unread: Rows of the file that could not be read.
        without_image: Products whose image was named but could not be had.
        missing: Rows of the split that ingest had refused, and that have no answer therefore.
    """

    rows: int
    unread: int = 0
    without_image: int = 0
    missing: int = 0


def score_file(
    context: Context, bundle: Bundle, path: Path, out: Path, *, images: Path | None = None, top: int = 1
) -> ScoringReport:
    """Answer every row of a file, in its order, into another file.

    Args:
        context: The live objects; told how far it has come.
        bundle: The model.
        path: CSV, Parquet or JSON Lines; columns by the names of `SPELLINGS`, or the challenge's.
        out: Where the answers go: id, code, name, confidence and, for `top` above 1, the runners-up.
        images: An archive or folder of images, named by a column `image` or as the challenge names them.
        top: Categories to give for each product.

    Raises:
        InputError: There is nothing to classify by, or the answers cannot be written there.
        SourceError: The file cannot be read.
        ArchiveError: There are no images at `images`, or the archive is damaged or hostile.
    """
    total = inspect_file(path).rows
    present = column_names(path)
    columns = {field: next((name for name in names if name in present), None) for field, names in SPELLINGS.items()}
    if columns["title"] is None and columns["description"] is None:
        raise InputError(
            f"{path.name} has neither a title nor a description; it has {', '.join(map(repr, present[:20]))}.",
            hint=f"Name a column {SPELLINGS['title'][0]!r}, or one of {', '.join(SPELLINGS['title'][1:])}.",
        )
    parts = template_columns(IMAGE_NAME) if columns["image"] is None and "imageid" in present else []
    wanted = tuple(dict.fromkeys([name for name in columns.values() if name is not None] + parts))
    limit = context.settings.catalog.max_image_bytes
    rows = unread = lost = 0
    with _archive(images) as given, table_writer(out) as writer:
        # A model of text alone is not given what it would not look at.
        archive = given if "image" in bundle.modalities else None
        writer.write(answers_frame([], top))
        for batch in read_rows(path, wanted, batch_rows=_BATCH):
            batch_products = []
            for record in batch.frame.to_dicts():
                image, missed = _image_of(archive, record, columns["image"], parts, limit)
                lost += missed
                batch_products.append(_product(record, columns, image))
            writer.write(answers_frame(bundle.predict(batch_products, top=top), top))
            rows, unread = rows + batch.frame.height, unread + len(batch.bad)
            context.report("scoring", batch.stop - batch.start, total)
    return ScoringReport(rows, unread=unread, without_image=lost)


def score_split(context: Context, bundle: Bundle, split: str, out: Path, *, source: str | None = None) -> ScoringReport:
    """Answer every product of a split of the catalogue, in the order of its file.

    The challenge's test rows are answered in its submission format (`submission_frame`), others as a file's are.

    Args:
        context: The live objects; told how far it has come.
        bundle: The model.
        split: `train` or `test`.
        out: Where the answers go.
        source: The catalogue; needed where several have such a split.

    Raises:
        InputError: No catalogue has such a split, several have and none was named, the model's codes have no place in a
            submission, or the answers cannot be written there.
    """
    name, layout, prefix = _source_with(context, split, source)
    submission = layout == "challenge" and split == "test"
    if submission and (strange := next((code for code in bundle.categories if not code.isdecimal()), None)) is not None:
        raise InputError(
            f"A submission holds the challenge's codes, and the model can answer {strange!r}.",
            hint="It was trained on other catalogues too: train on the challenge alone with `aisle pipeline run --only`.",
        )
    rows = lost = 0
    with table_writer(out, bare=submission) as writer:
        for batch, missed in _products_of(context, bundle, name, prefix, split):
            answers = bundle.predict(batch, top=1)
            writer.write(submission_frame(answers) if submission else answers_frame(answers, 1))
            rows, lost = rows + len(batch), lost + missed
    return ScoringReport(rows, without_image=lost, missing=_refused(context, name, split))


def answers_frame(answers: list[Prediction], top: int) -> pl.DataFrame:
    """Return answers as a table: id, code, name, confidence, and the runners-up as code_2, confidence_2 and so on."""
    frame = pl.DataFrame(
        {
            "id": [answer.id for answer in answers],
            "code": [answer.code for answer in answers],
            "name": [answer.name for answer in answers],
            "confidence": [round(answer.confidence, 6) for answer in answers],
        },
        schema={"id": pl.String, "code": pl.String, "name": pl.String, "confidence": pl.Float64},
    )
    for place in range(1, top):
        others = [answer.top[place] if place < len(answer.top) else None for answer in answers]
        frame = frame.with_columns(
            pl.Series(f"code_{place + 1}", [other and other.code for other in others], dtype=pl.String),
            pl.Series(
                f"confidence_{place + 1}", [other and round(other.probability, 6) for other in others], dtype=pl.Float64
            ),
        )
    return frame


def submission_frame(answers: list[Prediction]) -> pl.DataFrame:
    """Return answers in the challenge's submission format: header `,prdtypecode`, the index of `X_test_update.csv`."""
    return pl.DataFrame(
        {"": [int(answer.id) for answer in answers], "prdtypecode": [int(answer.code) for answer in answers]}
    )


def _archive(path: Path | None) -> AbstractContextManager[ImageArchive | None]:
    return nullcontext() if path is None else open_image_path(path)


def _product(record: dict[str, str | None], columns: dict[str, str | None], image: bytes | None) -> Product:
    def value(field: str) -> str | None:
        name = columns[field]
        return record[name] if name is not None else None

    identity = value("id")
    return Product(
        id=str(record[ROW_NUMBER]) if identity is None else identity,
        title=value("title"),
        description=value("description"),
        brand=value("brand"),
        image=image,
    )


def _image_of(
    archive: ImageArchive | None, record: dict[str, str | None], column: str | None, parts: list[str], limit: int
) -> tuple[bytes | None, bool]:
    """Return a row's image and whether one was named but could not be had."""
    if archive is None:
        return None, False
    name = record[column] if column is not None else None
    if parts and all(record[part] is not None for part in parts):
        name = IMAGE_NAME.format(**{part: record[part] for part in parts})
    if name is None:
        return None, False
    for folder in ("", "test", "train"):
        try:
            return archive.read(folder, name, limit), False
        except ImageProblem as problem:
            if problem.reason != "missing":
                break
    return None, True


def _source_with(context: Context, split: str, source: str | None) -> tuple[str, str, str]:
    """Return the catalogue that has such a split: its name, its layout and the prefix of its images' keys."""
    held = select(products.c.source).where(products.c.split == split).distinct()
    query = select(sources.c.name, sources.c.layout, sources.c.image_prefix).where(sources.c.name.in_(held))
    with context.database.reading() as connection:
        found = connection.execute(query.order_by(sources.c.name)).all()
    if source is not None:
        found = [entry for entry in found if entry[0] == source]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(name for name, _, _ in found)
        raise InputError(f"Several catalogues have {split} rows: {names}.", hint="Name one with --source.")
    raise InputError(
        f"No catalogue {source or ''} has {split} rows.".replace("  ", " "),
        hint="`aisle catalog ingest FOLDER --share 1` takes them in.",
    )


def _products_of(
    context: Context, bundle: Bundle, source: str, prefix: str, split: str
) -> Iterator[tuple[list[Product], int]]:
    """Yield a split's products in the order of its file, and how many images of each batch could not be had."""
    fields = ("id", "title", "description", "brand", "image_name", "image_sha256")
    mine = (products.c.source == source) & (products.c.split == split)
    query = select(*(products.c[name] for name in fields)).where(mine).order_by(products.c.row)
    with (
        context.database.reading() as connection,
        ThreadPoolExecutor(context.settings.objects.concurrency, "image") as pool,
    ):
        total = connection.execute(select(func.count()).select_from(products).where(mine)).scalar_one()
        rows = connection.execute(query.execution_options(stream_results=True, max_row_buffer=_BATCH))
        for part in rows.partitions(_BATCH):
            images: list[bytes | None] = [None] * len(part)
            named = sum(row.image_sha256 is not None for row in part) if "image" in bundle.modalities else 0
            if named:
                images = list(pool.map(lambda row: _stored_image(context, prefix, split, row), part))
            yield (
                [
                    Product(row.id, row.title, row.description, row.brand, image)
                    for row, image in zip(part, images, strict=True)
                ],
                named - sum(image is not None for image in images) if named else 0,
            )
            context.report("scoring", len(part), total)


def _stored_image(context: Context, prefix: str, split: str, row: Row[Any]) -> bytes | None:
    if row.image_sha256 is None:
        return None
    try:
        return context.images.get(image_key(prefix, split, row.image_name))
    except ObjectNotFound:
        return None


def _refused(context: Context, source: str, split: str) -> int:
    mine = (loads.c.source == source) & (loads.c.split == split)
    newest = select(func.max(loads.c.generation)).where(mine).scalar_subquery()
    query = select(func.sum(loads.c.rows_rejected)).where(mine, loads.c.generation == newest)
    with context.database.reading() as connection:
        return int(connection.execute(query).scalar_one() or 0)
