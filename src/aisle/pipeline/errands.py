"""What an orchestrator asks beside the main job: how far a run goes, what is there, whether it is time to train."""

from sqlalchemy import func, select

from aisle.catalog import snapshot as snapshots
from aisle.catalog.image_keys import image_key
from aisle.catalog.loads import require_source, rows_taken
from aisle.catalog.source import open_source
from aisle.errors import CatalogError
from aisle.pipeline.context import Context
from aisle.pipeline.messages import DueInput, DueOutput, HoldingsInput, HoldingsOutput, TargetInput, TargetOutput
from aisle.storage.schema import products, sources

_NAMED = 3
"""Missing images that an error names."""


def target(context: Context, what: TargetInput) -> TargetOutput:
    """Say how many rows of each split a run is to have in the end.

    "The next 2,000 rows" mean other rows each time they are asked for. A run asks once, here, where the answer is kept by
    its name; whatever it does again later, it does up to the same row.
    """
    source = open_source(what.folder, name=what.name, mapping=what.mapping)
    try:
        source.check()
        taken = {split: rows_taken(context.database, source, split) for split in source.splits}
        total = {split: source.rows(split) for split in source.splits}
    finally:
        source.close()
    wanted = {
        split: int(rows * what.share) if what.batch is None else taken[split] + what.batch for split, rows in total.items()
    }
    upto = {split: min(total[split], max(taken[split], rows)) for split, rows in wanted.items()}
    return TargetOutput(
        source=source.name,
        upto=upto,
        new={split: rows - taken[split] for split, rows in upto.items()},
        exhausted=taken == total,
    )


def holdings(context: Context, what: HoldingsInput) -> HoldingsOutput:
    """Count what the catalogue has of a split, and make sure that the object store has every image of it.

    Raises:
        SourceError: There is no such catalogue.
        CatalogError: Images are missing from the object store.
    """
    require_source(context.database, what.source)
    mine = (products.c.source == what.source) & (products.c.split == what.split)
    counted = select(func.count(), func.count(products.c.label)).where(mine)
    named = select(products.c.image_name).where(mine, products.c.image_sha256.is_not(None))
    with context.database.reading() as connection:
        prefix = connection.execute(select(sources.c.image_prefix).where(sources.c.name == what.source)).scalar_one()
        rows, labelled = connection.execute(counted).one()
        wanted = [image_key(prefix, what.split, name) for name in connection.execute(named).scalars()]
    images = len(wanted)
    missing = sorted(set(wanted).difference(context.images.keys(image_key(prefix, what.split, "").rstrip("/"))))
    if missing:
        raise CatalogError(
            f"{len(missing):,} of {images:,} images of {what.source}, {what.split}, are not in bucket"
            f" {context.images.name}: {', '.join(missing[:_NAMED])}{' …' if len(missing) > _NAMED else ''}.",
            hint="Bring them back with `aisle restore`, from a backup.",
        )
    return HoldingsOutput(rows=rows, labelled=labelled, images=images)


def due(context: Context, what: DueInput) -> DueOutput:
    """Say whether it is time to train again: no champion, a weak one, or enough that is new."""
    with context.database.reading() as connection:
        labelled = connection.execute(select(func.count(products.c.label))).scalar_one()
    champion = context.ledger.champion()
    if champion is None:
        return DueOutput(due=True, reason="There is no champion yet.", new_rows=labelled)
    model = context.ledger.model(champion.version)
    new = max(0, labelled - snapshots.describe(context.artifacts, model.snapshot).labelled)
    score = model.metrics["weighted_f1"]
    if score < what.floor:
        reason = f"Version {model.version} has a weighted F1 of {score:.4f}, under {what.floor:g}."
        return DueOutput(
            due=new > 0, reason=reason if new else f"{reason} But there is nothing new to learn from.", new_rows=new
        )
    reason = f"{new:,} labelled rows are new since version {model.version}, and {what.rows:,} are enough."
    return DueOutput(due=new >= what.rows, reason=reason, new_rows=new)
