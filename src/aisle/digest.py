"""Digests: sha256 of bytes, of files, of canonical JSON and of tables, the same on every machine."""

import hashlib
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

if TYPE_CHECKING:
    import polars as pl

_BLOCK = 1 << 20


def sha256(data: bytes) -> str:
    """Return the sha256 of some bytes as 64 hexadecimal digits.

    >>> sha256(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Return the sha256 of a file's bytes, read in blocks of 1 MiB."""
    state = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            state.update(block)
    return state.hexdigest()


def canonical_json(value: Any) -> bytes:
    """Return the one spelling of a JSON value: sorted keys, no spaces, UTF-8.

    >>> canonical_json({"b": 1, "a": [True, None]})
    b'{"a":[true,null],"b":1}'
    """
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY)


def json_digest(value: Any) -> str:
    """Return the sha256 of a value's canonical JSON."""
    return sha256(canonical_json(value))


def manifest_digest(files: Mapping[str, str]) -> str:
    """Return the digest of a set of files, given each file's own sha256 by its relative name."""
    return sha256("".join(f"{name}\0{files[name]}\n" for name in sorted(files)).encode())


class TableDigest:
    """The digest of a table's content, fed batch by batch and independent of where the batches end.

    Each column keeps two running hashes, one of its values' lengths (-1 for null) and one of their bytes, so neither the
    file format nor the library that reads it can change the outcome. Text columns only hold UTF-8; whole numbers are
    hashed as 64-bit little-endian with their null marks as lengths.

    Args:
        columns: The columns' names, in the order in which they count.

    >>> import polars as pl
    >>> one = TableDigest(["id"]); one.update(pl.DataFrame({"id": ["a", None]}))
    >>> two = TableDigest(["id"])
    >>> two.update(pl.DataFrame({"id": ["a"]})); two.update(pl.DataFrame({"id": [None]}, schema={"id": pl.String}))
    >>> one.hexdigest() == two.hexdigest()
    True
    """

    def __init__(self, columns: Iterable[str]) -> None:
        self._columns = list(columns)
        self._lengths = [hashlib.sha256() for _ in self._columns]
        self._values = [hashlib.sha256() for _ in self._columns]
        self._rows = 0

    def update(self, frame: "pl.DataFrame") -> None:
        """Add a batch of rows; its columns are taken by name.

        Raises:
            TypeError: A column is neither text nor whole numbers.
        """
        # A server takes digests and has no tables: its start need not wait for this library.
        import polars as pl

        self._rows += frame.height
        for position, name in enumerate(self._columns):
            column = frame[name]
            if column.dtype == pl.String:
                lengths = column.str.len_bytes().cast(pl.Int64).fill_null(-1).to_numpy()
                values = "".join(value for value in column.to_list() if value is not None).encode()
            elif not column.dtype.is_integer():
                raise TypeError(f"column {name!r} is {column.dtype}, neither text nor whole numbers")
            else:
                lengths = np.where(column.is_null().to_numpy(), -1, 8).astype(np.int64)
                values = column.cast(pl.Int64).fill_null(0).to_numpy().astype("<i8").tobytes()
            self._lengths[position].update(lengths.astype("<i8").tobytes())
            self._values[position].update(values)

    def hexdigest(self) -> str:
        """Return the digest of everything fed so far as 64 hexadecimal digits."""
        state = hashlib.sha256(struct.pack("<q", self._rows))
        for name, lengths, values in zip(self._columns, self._lengths, self._values, strict=True):
            state.update(name.encode() + b"\0" + lengths.digest() + values.digest())
        return state.hexdigest()
