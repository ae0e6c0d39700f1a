"""The load ledger: what has been taken in from each source, and how far a load has come.

A load is a stretch of a split's rows, from `low` to `high` in the order in which they are taken. Its `position` is moved in
the same transaction that stores a batch, by compare-and-set: whoever moves it owns the batch, so a load can be killed at
any moment, gone on with by anybody, and worked on by several processes at once without losing or doubling a row.

Loads of the same files are of one generation. When a source's files change, a new generation begins at the first row and
compares what it reads with what is there.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection, RowMapping, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from aisle.errors import IngestError, SourceError
from aisle.storage.database import Database
from aisle.storage.schema import loads, sources

if TYPE_CHECKING:
    # Readers of tables come with it: a server that only lists loads needs a tenth of its memory for them.
    from aisle.catalog.source import Source

Sample = Literal["head", "stratified"]
"""In which order rows are taken: as they stand, or so that every stretch has the classes' shares."""

RUNNING, DONE, SUPERSEDED = "running", "done", "superseded"

SOURCE_AUTHOR = "source"
"""The author of labels that came with a catalogue's own files; every other author is a person."""


@dataclass(frozen=True, slots=True)
class Load:
    """One load as the ledger has it."""

    id: int
    source: str
    split: str
    digest: str
    generation: int
    low: int
    high: int
    position: int
    rows_in_source: int
    rows_expected: int
    rows_loaded: int
    rows_unchanged: int
    rows_rejected: int
    images_loaded: int
    images_rejected: int
    state: str


@dataclass(frozen=True, slots=True)
class Counts:
    """What a batch adds to its load."""

    rows_loaded: int
    rows_unchanged: int
    rows_rejected: int
    images_loaded: int
    images_rejected: int


def register_source(database: Database, source: "Source", sample: Sample) -> str:
    """Make the source known under its name, and return what stands before its images' keys.

    The first source in the challenge's layout gets the keys that users of the challenge know, without a prefix.

    Raises:
        IngestError: The source was begun with another order of rows.
    """
    mapping = source.mapping.model_dump_json()
    while True:
        try:
            with database.transaction(relaxed=True) as connection:
                row = connection.execute(select(sources).where(sources.c.name == source.name)).mappings().first()
                if row is None:
                    prefix = _free_prefix(connection, source)
                    connection.execute(
                        insert(sources).values(
                            name=source.name,
                            layout=source.mapping.layout,
                            mapping=mapping,
                            sample=sample,
                            image_prefix=prefix,
                        )
                    )
                    return prefix
                if row["sample"] != sample:
                    raise IngestError(
                        f"Catalogue {source.name} was begun with --sample {row['sample']}, not {sample}.",
                        hint=f"Go on with --sample {row['sample']}, or load it again under another --name.",
                    )
                if row["mapping"] != mapping:
                    connection.execute(update(sources).where(sources.c.name == source.name).values(mapping=mapping))
                return str(row["image_prefix"])
        except IntegrityError:
            continue  # another process took the name or the prefix first: look again


def require_source(database: Database, name: str | None) -> None:
    """Make sure that a source is known by that name, if one is given.

    Raises:
        SourceError: It is not; the hint tells those that are.
    """
    with database.reading() as connection:
        known = connection.execute(select(sources.c.name).order_by(sources.c.name)).scalars().all()
    if name is not None and name not in known:
        raise SourceError(f"There is no catalogue {name!r}.", hint=f"There are: {', '.join(known) or 'none yet'}.")


def _free_prefix(connection: Connection, source: "Source") -> str:
    taken = connection.execute(select(sources.c.name).where(sources.c.image_prefix == "")).first()
    return "" if source.mapping.layout == "challenge" and taken is None else f"{source.name}/"


def open_load(
    database: Database,
    source: "Source",
    split: str,
    *,
    sample: Sample,
    share: float,
    next_rows: int | None,
    upto: int | None = None,
) -> Load | None:
    """Return the load to work on: one that is under way, or a new one; nothing when there is nothing to take.

    Args:
        database: The ledger's database.
        source: The source; its digest tells whether its files have changed.
        split: One of the source's splits.
        sample: The order of taking.
        share: Take rows up to this share of the split, ...
        next_rows: ... or, if given, so many rows beyond those taken so far, ...
        upto: ... or, if given, so many rows in the end.
    """
    digest, total = source.digest(split), source.rows(split)
    mine = (loads.c.source == source.name) & (loads.c.split == split)
    while True:
        try:
            with database.transaction(relaxed=True) as connection:
                running = connection.execute(select(loads).where(mine, loads.c.state == RUNNING)).mappings().first()
                if running is not None and running["digest"] == digest:
                    return _as_load(running)
                if running is not None:
                    # The files have changed under a load that was cut short: what it took will be compared again.
                    connection.execute(update(loads).where(loads.c.id == running["id"]).values(state=SUPERSEDED))
                generation, ever, now = _covered(connection, mine, digest)
                target = min(total, max(ever, now) + next_rows if next_rows is not None else int(total * share))
                if upto is not None:
                    target = min(total, upto)
                low, high = now, max(target, min(ever, total))
                if low >= high:
                    return None
                values: dict[str, Any] = {
                    "source": source.name,
                    "split": split,
                    "digest": digest,
                    "generation": generation,
                    "low": low,
                    "high": high,
                    "position": low if sample == "head" else 0,
                    "rows_in_source": total,
                    "rows_expected": high - low,
                    "state": RUNNING,
                }
                made = connection.execute(insert(loads).values(**values).returning(loads)).mappings().one()
                return _as_load(made)
        except IntegrityError:
            continue  # another process opened one first: join it


def claim(connection: Connection, load: Load, *, expected: int, position: int) -> bool:
    """Move a load's position inside the transaction that stores the batch; false when somebody else was first."""
    mine = (loads.c.id == load.id) & (loads.c.position == expected) & (loads.c.state == RUNNING)
    moved = connection.execute(update(loads).where(mine).values(position=position, updated_at=func.now()))
    return moved.rowcount == 1


def count(connection: Connection, load: Load, counts: Counts) -> None:
    """Add what a batch held to its load."""
    added = {name: loads.c[name] + getattr(counts, name) for name in Counts.__slots__}
    connection.execute(update(loads).where(loads.c.id == load.id).values(**added))


def finish(database: Database, load: Load) -> Load:
    """Mark a load as done, all of its rows being handled, and return it as it stands."""
    with database.transaction() as connection:
        mine = (loads.c.id == load.id) & (loads.c.state == RUNNING)
        connection.execute(update(loads).where(mine).values(state=DONE, updated_at=func.now()))
        return _as_load(connection.execute(select(loads).where(loads.c.id == load.id)).mappings().one())


def current_position(database: Database, load: Load) -> tuple[int, str]:
    """Return a load's position and state now."""
    with database.reading() as connection:
        row = connection.execute(select(loads.c.position, loads.c.state).where(loads.c.id == load.id)).one()
        return row.position, row.state


def list_loads(database: Database, *, source: str | None = None) -> list[Load]:
    """Return every load, oldest first."""
    query = select(loads).order_by(loads.c.id)
    if source is not None:
        query = query.where(loads.c.source == source)
    with database.reading() as connection:
        return [_as_load(row) for row in connection.execute(query).mappings()]


def rows_taken(database: Database, source: "Source", split: str) -> int:
    """Return how many rows of a split's files, as they are now, have been taken."""
    with database.reading() as connection:
        mine = (loads.c.source == source.name) & (loads.c.split == split)
        return _covered(connection, mine, source.digest(split))[2]


def _covered(connection: Connection, mine: Any, digest: str) -> tuple[int, int, int]:
    """Return the generation that these files belong to, how many rows were ever taken, and how many of this generation."""
    highest = select(func.coalesce(func.max(loads.c.high), 0)).where(mine, loads.c.state == DONE)
    other = select(func.coalesce(func.max(loads.c.id), 0)).where(mine, loads.c.digest != digest)
    generation = int(connection.execute(other).scalar_one())
    ever = int(connection.execute(highest).scalar_one())
    now = int(connection.execute(highest.where(loads.c.id > generation)).scalar_one())
    return generation, ever, now


def _as_load(row: RowMapping) -> Load:
    return Load(**{name: row[name] for name in Load.__slots__})
