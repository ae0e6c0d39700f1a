"""The quality of a frozen catalogue: monitoring's checks on a snapshot, with training's near duplicates and its images."""

from aisle.catalog import snapshot as snapshots
from aisle.features.normalise import normalise
from aisle.monitoring.catalogue import catalogue_values
from aisle.monitoring.policy import Policy
from aisle.monitoring.records import MonitorValue
from aisle.pipeline.context import Context
from aisle.pipeline.stored_images import StoredImages
from aisle.training.groups import duplicate_groups


def check_snapshot(context: Context, prefix: str | None, *, images: int, policy: Policy) -> list[MonitorValue]:
    """Return the quality of a snapshot's rows.

    Args:
        context: What steps work with.
        prefix: The beginning of its digest; the newest one where none is named.
        images: How many images are looked at.
        policy: Gives the states.

    Raises:
        SnapshotError: There is no such snapshot, or none at all.
    """
    digest = snapshots.latest(context.database) if prefix is None else snapshots.find(context.database, prefix)
    rows = snapshots.read(context.artifacts, digest)
    context.report(f"Check {rows.height:,} products.", 0, 0)
    groups = duplicate_groups([normalise(title or "") for title in rows["title"]], rows["image_sha256"].to_list())
    stored = StoredImages(
        context.images, snapshots.describe(context.artifacts, digest), context.settings.objects.concurrency
    )
    return catalogue_values(rows, policy, groups=groups, images=stored, looks=images)
