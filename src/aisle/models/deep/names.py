"""What the columns of a matrix are, so that what was learnt about one is found again where its place is another."""

import numpy as np
from numpy.typing import NDArray

from aisle.digest import canonical_json, sha256
from aisle.models.text_space import TextSpace

NAMELESS = -1
"""The name of a column that is no n-gram's."""

_BUCKET_BITS = 24


def column_names(space: TextSpace, columns: int) -> NDArray[np.int64]:
    """Return what each column of a matrix is: an n-gram's bucket under this way to read texts; -1 behind the n-grams.

    Args:
        space: The text features; its columns are the matrix's first ones.
        columns: How many columns the matrix has.
    """
    way = int(sha256(canonical_json(space.config.to_json()))[:9], 16)
    names = np.full(columns, NAMELESS, np.int64)
    names[: space.width] = space.columns.columns.astype(np.int64) + (way << _BUCKET_BITS)
    return names
