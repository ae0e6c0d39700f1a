"""Reading rows: a file of products as one stream of text columns, in bounded memory.

A row that its format cannot deliver (a wrong number of fields, broken encoding, broken JSON) does not stop the file: it
becomes a `BadRow` with its number and its raw content. Rows are numbered from 0 in the order of the file.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from aisle.catalog.row_batch import RowBatch, regroup
from aisle.catalog.row_formats import count_rows, names_in, read_csv, read_json_lines, read_parquet
from aisle.digest import sha256_file
from aisle.errors import SourceError


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a look over a whole file tells: its rows, bad ones included, and its sha256."""

    rows: int
    sha256: str


def inspect_file(path: Path) -> FileFacts:
    """Count a file's rows and digest its bytes.

    Raises:
        SourceError: The file cannot be read, or is not what its ending says.
    """
    require_file(path)
    with ThreadPoolExecutor(1) as beside:
        digest = beside.submit(sha256_file, path)
        return FileFacts(count_rows(path), digest.result())


def read_rows(path: Path, wanted: tuple[str, ...], *, batch_rows: int) -> Iterator[RowBatch]:
    """Read a file's rows in order, in batches bounded by rows and by bytes.

    Args:
        path: A file ending in `.csv`, `.parquet`, `.jsonl` or `.ndjson`.
        wanted: The columns to read, as text.
        batch_rows: Rows in a batch, at most.

    Raises:
        SourceError: The file is missing, of another kind, lacks a column, or breaks off inside a quoted field.
    """
    require_file(path)
    kind = path.suffix.lower()
    if kind == ".csv":
        pieces = read_csv(path, wanted)
    elif kind == ".parquet":
        pieces = read_parquet(path, wanted)
    else:
        pieces = read_json_lines(path, wanted, batch_rows)
    yield from regroup(pieces, batch_rows)


def column_names(path: Path) -> list[str]:
    """Return the names of a file's columns; of JSON Lines, those of any object.

    Raises:
        SourceError: The file is missing or of another kind.
    """
    require_file(path)
    return names_in(path)


def require_file(path: Path) -> None:
    """Make sure that a file is there and of a kind that can be read.

    Raises:
        SourceError: It is not.
    """
    if not path.is_file():
        raise SourceError(f"{path} is not there.", hint="Check the folder, and the file's name in the mapping.")
    if path.suffix.lower() not in {".csv", ".parquet", ".jsonl", ".ndjson"}:
        raise SourceError(f"{path.name} is neither CSV, Parquet nor JSON Lines.", hint="Name it .csv, .parquet or .jsonl.")
